//! The built-in templates, in six languages. They are ordinary templates: one layout, in which each language puts its words.

use aggregates::FieldError;
use aggregates::email_template::{Variables, render, render::Part};
use chrono::{DateTime, Datelike, Timelike, Utc};

const HTML: &str = include_str!("../../assets/mail/invite.html");
const TEXT: &str = include_str!("../../assets/mail/invite.txt");

/// A language that mails can be written in.
#[derive(Debug)]
pub struct Language {
    /// Its tag.
    pub tag: &'static str,
    /// `ltr` or `rtl`.
    pub direction: &'static str,
    months: [&'static str; 12],
    subject: &'static str,
    preview: &'static str,
    greeting: &'static str,
    greeting_nameless: &'static str,
    intro: &'static str,
    button: &'static str,
    expiry: &'static str,
    fallback: &'static str,
    footer: &'static str,
}

/// The source of a template's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Of the subject.
    pub subject: String,
    /// Of the text part.
    pub text: String,
    /// Of the HTML part.
    pub html: String,
}

/// A mail's parts, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Source {
    /// Renders all parts.
    ///
    /// # Errors
    /// The first part that cannot be rendered with this data.
    pub fn render(&self, variables: &Variables) -> Result<Rendered, FieldError> {
        let context = variables.context();
        Ok(Rendered {
            subject: render::render(Part::Subject, &self.subject, context.clone())?,
            text: render::render(Part::Text, &self.text, context.clone())?,
            html: render::render(Part::Html, &self.html, context)?,
        })
    }
}

/// The language for a tag such as `de-AT`; English where there is none of ours.
pub fn language(tag: &str) -> &'static Language {
    let base = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    LANGUAGES.iter().find(|language| language.tag == base).unwrap_or(&LANGUAGES[0])
}

/// Whether a language is written from right to left, also one that mails are not built in for.
pub fn direction(tag: &str) -> &'static str {
    let base = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    if ["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"].contains(&base.as_str()) { "rtl" } else { "ltr" }
}

impl Language {
    /// The template of an invite's mail.
    pub fn invite(&self) -> Source {
        Source { subject: self.subject.to_owned(), text: self.filled(TEXT), html: self.filled(HTML) }
    }

    fn filled(&self, layout: &str) -> String {
        let words = [
            ("[[subject]]", self.subject),
            ("[[preview]]", self.preview),
            ("[[greeting]]", self.greeting),
            ("[[greeting_nameless]]", self.greeting_nameless),
            ("[[intro]]", self.intro),
            ("[[button]]", self.button),
            ("[[expiry]]", self.expiry),
            ("[[fallback]]", self.fallback),
            ("[[footer]]", self.footer),
        ];
        words.iter().fold(layout.to_owned(), |text, (mark, words)| text.replace(mark, words))
    }

    /// A time as people write it.
    pub fn date(&self, at: DateTime<Utc>) -> String {
        let (year, month, day) = (at.year(), self.months[at.month0() as usize], at.day());
        let time = format!("{:02}:{:02} UTC", at.hour(), at.minute());
        match self.tag {
            "de" => format!("{day}. {month} {year}, {time}"),
            "fr" => format!("{day} {month} {year}, {time}"),
            "es" => format!("{day} de {month} de {year}, {time}"),
            "ar" => format!("{day} {month} {year}، {time}"),
            "zh" => format!("{year}年{month}{day}日 {time}"),
            _ => format!("{month} {day}, {year}, {time}"),
        }
    }
}

const ENGLISH: Language = Language {
    tag: "en",
    direction: "ltr",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    subject: "{{ organization.name }} invites you to an interview",
    preview: "Your personal link to “{{ campaign.name }}”, open until {{ expiresOn }}.",
    greeting: "Hello {{ participant.name }},",
    greeting_nameless: "Hello,",
    intro: "{{ organization.name }} would like to hear from you and invites you to the interview “{{ campaign.name }}”. An AI interviewer asks the questions, online and at a time that suits you. You can pause and come back later.",
    button: "Open the interview",
    expiry: "This link is for you alone. It works until {{ expiresOn }}.",
    fallback: "If the button does not work, open this address in your browser:",
    footer: "You receive this mail because {{ organization.name }} invited {{ participant.email }}. If you did not expect it, you can ignore it: the interview does not begin unless you start it.",
};

const GERMAN: Language = Language {
    tag: "de",
    direction: "ltr",
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    subject: "{{ organization.name }} lädt Sie zu einem Interview ein",
    preview: "Ihr persönlicher Link zu „{{ campaign.name }}“, gültig bis {{ expiresOn }}.",
    greeting: "Guten Tag {{ participant.name }},",
    greeting_nameless: "Guten Tag,",
    intro: "{{ organization.name }} möchte Ihre Meinung hören und lädt Sie zum Interview „{{ campaign.name }}“ ein. Ein KI-Interviewer stellt die Fragen, online und zu einer Zeit, die Ihnen passt. Sie können jederzeit unterbrechen und später fortfahren.",
    button: "Interview öffnen",
    expiry: "Dieser Link ist nur für Sie bestimmt. Er gilt bis {{ expiresOn }}.",
    fallback: "Falls die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse im Browser:",
    footer: "Sie erhalten diese E-Mail, weil {{ organization.name }} {{ participant.email }} eingeladen hat. Wenn Sie sie nicht erwartet haben, können Sie sie ignorieren: Das Interview beginnt erst, wenn Sie es starten.",
};

const FRENCH: Language = Language {
    tag: "fr",
    direction: "ltr",
    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    subject: "{{ organization.name }} vous invite à un entretien",
    preview: "Votre lien personnel pour « {{ campaign.name }} », valable jusqu’au {{ expiresOn }}.",
    greeting: "Bonjour {{ participant.name }},",
    greeting_nameless: "Bonjour,",
    intro: "{{ organization.name }} souhaite connaître votre avis et vous invite à l’entretien « {{ campaign.name }} ». Un intervieweur IA pose les questions, en ligne et au moment qui vous convient. Vous pouvez faire une pause et revenir plus tard.",
    button: "Ouvrir l’entretien",
    expiry: "Ce lien vous est réservé. Il est valable jusqu’au {{ expiresOn }}.",
    fallback: "Si le bouton ne fonctionne pas, ouvrez cette adresse dans votre navigateur :",
    footer: "Vous recevez ce message parce que {{ organization.name }} a invité {{ participant.email }}. Si vous ne l’attendiez pas, vous pouvez l’ignorer : l’entretien ne commence que si vous le lancez.",
};

const SPANISH: Language = Language {
    tag: "es",
    direction: "ltr",
    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    subject: "{{ organization.name }} le invita a una entrevista",
    preview: "Su enlace personal a «{{ campaign.name }}», válido hasta el {{ expiresOn }}.",
    greeting: "Hola, {{ participant.name }}:",
    greeting_nameless: "Hola:",
    intro: "{{ organization.name }} desea conocer su opinión y le invita a la entrevista «{{ campaign.name }}». Un entrevistador de IA hace las preguntas, en línea y cuando a usted le convenga. Puede hacer una pausa y volver más tarde.",
    button: "Abrir la entrevista",
    expiry: "Este enlace es solo para usted. Es válido hasta el {{ expiresOn }}.",
    fallback: "Si el botón no funciona, abra esta dirección en su navegador:",
    footer: "Recibe este mensaje porque {{ organization.name }} ha invitado a {{ participant.email }}. Si no lo esperaba, puede ignorarlo: la entrevista no comienza hasta que usted la inicie.",
};

const ARABIC: Language = Language {
    tag: "ar",
    direction: "rtl",
    months: [
        "يناير",
        "فبراير",
        "مارس",
        "أبريل",
        "مايو",
        "يونيو",
        "يوليو",
        "أغسطس",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
    ],
    subject: "تدعوك {{ organization.name }} إلى مقابلة",
    preview: "رابطك الشخصي إلى «{{ campaign.name }}»، صالح حتى {{ expiresOn }}.",
    greeting: "مرحبًا {{ participant.name }}،",
    greeting_nameless: "مرحبًا،",
    intro: "تودّ {{ organization.name }} معرفة رأيك وتدعوك إلى المقابلة «{{ campaign.name }}». يطرح الأسئلة محاور يعمل بالذكاء الاصطناعي، عبر الإنترنت وفي الوقت الذي يناسبك. يمكنك التوقف مؤقتًا والعودة لاحقًا.",
    button: "فتح المقابلة",
    expiry: "هذا الرابط مخصّص لك وحدك، وهو صالح حتى {{ expiresOn }}.",
    fallback: "إذا لم يعمل الزر، فافتح هذا العنوان في المتصفح:",
    footer: "وصلتك هذه الرسالة لأن {{ organization.name }} دعت {{ participant.email }}. إذا لم تكن تتوقعها فيمكنك تجاهلها: لا تبدأ المقابلة إلا إذا بدأتها بنفسك.",
};

const CHINESE: Language = Language {
    tag: "zh",
    direction: "ltr",
    months: ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
    subject: "{{ organization.name }} 邀请您参加访谈",
    preview: "您参加“{{ campaign.name }}”的专属链接，有效期至 {{ expiresOn }}。",
    greeting: "{{ participant.name }}，您好：",
    greeting_nameless: "您好：",
    intro: "{{ organization.name }} 希望了解您的看法，诚邀您参加访谈“{{ campaign.name }}”。访谈由 AI 访谈员在线进行，时间由您决定，您可以随时暂停，稍后继续。",
    button: "打开访谈",
    expiry: "此链接仅供您本人使用，有效期至 {{ expiresOn }}。",
    fallback: "如果按钮无法使用，请在浏览器中打开以下地址：",
    footer: "您收到此邮件，是因为 {{ organization.name }} 邀请了 {{ participant.email }}。如果您并未预料到此邮件，可以忽略它：只有在您主动开始后，访谈才会进行。",
};

/// All of them.
pub static LANGUAGES: [Language; 6] = [ENGLISH, GERMAN, FRENCH, SPANISH, ARABIC, CHINESE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_renders_and_passes_what_customers_templates_must_pass() {
        for language in &LANGUAGES {
            let source = language.invite();
            assert!(!source.html.contains("[[") && !source.text.contains("[["), "{}", language.tag);
            let parts = [(Part::Subject, &source.subject), (Part::Text, &source.text), (Part::Html, &source.html)];
            for (part, source) in parts {
                assert_eq!(render::check(part, source), [], "{}", language.tag);
            }
            let at = DateTime::from_timestamp(1_705_919_400, 0).expect("a time");
            let variables = Variables {
                participant_name: "<b>Ada</b> & \"Co\"".to_owned(),
                language: language.tag.to_owned(),
                direction: language.direction.to_owned(),
                expires_on: language.date(at),
                ..Variables::sample()
            };
            let rendered = source.render(&variables).expect("rendered");
            assert!(rendered.html.contains("&lt;b&gt;Ada&lt;&#x2f;b&gt; &amp; &quot;Co&quot;"), "{}", rendered.html);
            assert!(!rendered.html.contains("<b>") && rendered.text.contains("<b>Ada</b> & \"Co\""));
            for part in [&rendered.html, &rendered.text] {
                assert!(part.contains(&variables.expires_on) && part.contains("2024"), "{}", language.tag);
            }
            assert!(rendered.html.contains(&format!("dir=\"{}\"", language.direction)));
            // No picture, style sheet or script from anywhere.
            assert!(
                !rendered.html.contains("<img") && !rendered.html.contains("src=") && !rendered.html.contains("url(")
            );
            let nameless = Variables { participant_name: String::new(), ..variables };
            let rendered = source.render(&nameless).expect("rendered");
            assert!(rendered.text.starts_with(language.greeting_nameless), "{}", rendered.text);
        }
    }

    #[test]
    fn dates_and_directions() {
        let at = DateTime::from_timestamp(1_705_919_400, 0).expect("a time");
        for (tag, expected) in [
            ("en-GB", "January 22, 2024, 10:30 UTC"),
            ("DE", "22. Januar 2024, 10:30 UTC"),
            ("fr", "22 janvier 2024, 10:30 UTC"),
            ("es_MX", "22 de enero de 2024, 10:30 UTC"),
            ("ar", "22 يناير 2024، 10:30 UTC"),
            ("zh-Hans", "2024年1月22日 10:30 UTC"),
            ("tlh", "January 22, 2024, 10:30 UTC"),
        ] {
            assert_eq!(language(tag).date(at), expected);
        }
        assert_eq!((direction("ar-EG"), direction("he"), direction("de")), ("rtl", "rtl", "ltr"));
    }
}
