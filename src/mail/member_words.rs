//! What invitations to an organization say, in the mail and on the page behind its link, in six languages.

use aggregates::member::MemberRole;

/// The words of one language. `{{ … }}` are filled in by the template engine.
#[derive(Debug)]
pub struct Words {
    /// The language's tag.
    pub tag: &'static str,
    /// Owner, admin, member, viewer.
    roles: [&'static str; 4],
    /// The subject of the mail.
    pub subject: &'static str,
    greeting: &'static str,
    greeting_nameless: &'static str,
    /// Who invites to what; the page says it too.
    intro: &'static str,
    button: &'static str,
    expiry: &'static str,
    fallback: &'static str,
    footer: &'static str,
    /// On the page: the title before, after, too late, and without an invitation; then what is said below.
    title: &'static str,
    accepted_title: &'static str,
    accepted: &'static str,
    expired_title: &'static str,
    expired: &'static str,
    unknown_title: &'static str,
    unknown: &'static str,
}

/// The words for a tag such as `de-AT`; English where there are none of ours.
pub fn words(tag: &str) -> &'static Words {
    let base = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    LANGUAGES.iter().find(|words| words.tag == base).unwrap_or(&LANGUAGES[0])
}

/// The words for the first language of an `Accept-Language` that there are words for.
pub fn accepted(header: &str) -> &'static Words {
    let tags = header.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    let known = |tag: &str| Some(words(tag)).filter(|words| tag.to_ascii_lowercase().starts_with(words.tag));
    tags.into_iter().find_map(known).unwrap_or(&LANGUAGES[0])
}

impl Words {
    /// What a role is called.
    pub fn role(&self, role: MemberRole) -> &'static str {
        let [owner, admin, member, viewer] = self.roles;
        match role {
            MemberRole::Owner => owner,
            MemberRole::Admin => admin,
            MemberRole::Member => member,
            MemberRole::Viewer => viewer,
        }
    }

    /// A layout with the words in their places.
    pub fn filled(&self, layout: &str) -> String {
        let words = [
            ("[[subject]]", self.subject),
            ("[[greeting]]", self.greeting),
            ("[[greeting_nameless]]", self.greeting_nameless),
            ("[[intro]]", self.intro),
            ("[[button]]", self.button),
            ("[[expiry]]", self.expiry),
            ("[[fallback]]", self.fallback),
            ("[[footer]]", self.footer),
            ("[[title]]", self.title),
            ("[[accepted_title]]", self.accepted_title),
            ("[[accepted]]", self.accepted),
            ("[[expired_title]]", self.expired_title),
            ("[[expired]]", self.expired),
            ("[[unknown_title]]", self.unknown_title),
            ("[[unknown]]", self.unknown),
        ];
        words.iter().fold(layout.to_owned(), |text, (mark, words)| text.replace(mark, words))
    }
}

/// All of them, the fallback first.
pub static LANGUAGES: [Words; 6] = [
    Words {
        tag: "en",
        roles: ["owner", "administrator", "member", "viewer"],
        subject: "{{ organization }} invites you to join",
        greeting: "Hello {{ name }},",
        greeting_nameless: "Hello,",
        intro: "{{ organization }} invites you to work on its interviews in InterviewRelay, in the role: {{ role }}.",
        button: "Accept the invitation",
        expiry: "This link is for you alone. It can be used once, until {{ expiresOn }}.",
        fallback: "If the button does not work, open this address in your browser:",
        footer: "You receive this mail because {{ organization }} invited {{ email }}. If you did not expect it, you can ignore it: nothing happens unless you accept.",
        title: "You are invited",
        accepted_title: "You are a member",
        accepted: "The invitation of {{ organization }} was accepted. You can close this page.",
        expired_title: "This invitation has expired",
        expired: "Ask {{ organization }} for another one.",
        unknown_title: "This link leads nowhere",
        unknown: "The invitation was withdrawn or replaced by a later one, or the address is not complete. Look for a later mail.",
    },
    Words {
        tag: "de",
        roles: ["Inhaber", "Administration", "Mitglied", "Leserechte"],
        subject: "{{ organization }} lädt Sie zur Mitarbeit ein",
        greeting: "Guten Tag {{ name }},",
        greeting_nameless: "Guten Tag,",
        intro: "{{ organization }} lädt Sie ein, in InterviewRelay an Interviews mitzuarbeiten, in der Rolle: {{ role }}.",
        button: "Einladung annehmen",
        expiry: "Dieser Link ist nur für Sie bestimmt. Er kann einmal verwendet werden, bis {{ expiresOn }}.",
        fallback: "Falls die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse im Browser:",
        footer: "Sie erhalten diese E-Mail, weil {{ organization }} {{ email }} eingeladen hat. Wenn Sie sie nicht erwartet haben, können Sie sie ignorieren: Solange Sie nicht annehmen, geschieht nichts.",
        title: "Sie sind eingeladen",
        accepted_title: "Sie sind Mitglied",
        accepted: "Die Einladung von {{ organization }} wurde angenommen. Sie können diese Seite schließen.",
        expired_title: "Diese Einladung ist abgelaufen",
        expired: "Bitten Sie {{ organization }} um eine neue.",
        unknown_title: "Dieser Link führt nirgendwohin",
        unknown: "Die Einladung wurde zurückgezogen oder durch eine spätere ersetzt, oder die Adresse ist nicht vollständig. Sehen Sie nach einer späteren E-Mail.",
    },
    Words {
        tag: "fr",
        roles: ["propriétaire", "administration", "membre", "lecture seule"],
        subject: "{{ organization }} vous invite à la rejoindre",
        greeting: "Bonjour {{ name }},",
        greeting_nameless: "Bonjour,",
        intro: "{{ organization }} vous invite à travailler sur ses entretiens dans InterviewRelay, avec le rôle : {{ role }}.",
        button: "Accepter l’invitation",
        expiry: "Ce lien vous est réservé. Il peut être utilisé une fois, jusqu’au {{ expiresOn }}.",
        fallback: "Si le bouton ne fonctionne pas, ouvrez cette adresse dans votre navigateur :",
        footer: "Vous recevez ce message parce que {{ organization }} a invité {{ email }}. Si vous ne l’attendiez pas, vous pouvez l’ignorer : rien ne se passe tant que vous n’acceptez pas.",
        title: "Vous êtes invité",
        accepted_title: "Vous êtes membre",
        accepted: "L’invitation de {{ organization }} a été acceptée. Vous pouvez fermer cette page.",
        expired_title: "Cette invitation a expiré",
        expired: "Demandez-en une autre à {{ organization }}.",
        unknown_title: "Ce lien ne mène nulle part",
        unknown: "L’invitation a été retirée ou remplacée par une autre, ou l’adresse est incomplète. Cherchez un message plus récent.",
    },
    Words {
        tag: "es",
        roles: ["propietario", "administración", "miembro", "solo lectura"],
        subject: "{{ organization }} le invita a unirse",
        greeting: "Hola, {{ name }}:",
        greeting_nameless: "Hola:",
        intro: "{{ organization }} le invita a trabajar en sus entrevistas en InterviewRelay, con el rol: {{ role }}.",
        button: "Aceptar la invitación",
        expiry: "Este enlace es solo para usted. Puede usarse una vez, hasta el {{ expiresOn }}.",
        fallback: "Si el botón no funciona, abra esta dirección en su navegador:",
        footer: "Recibe este mensaje porque {{ organization }} ha invitado a {{ email }}. Si no lo esperaba, puede ignorarlo: no ocurre nada mientras no acepte.",
        title: "Tiene una invitación",
        accepted_title: "Ya es miembro",
        accepted: "Se ha aceptado la invitación de {{ organization }}. Puede cerrar esta página.",
        expired_title: "Esta invitación ha caducado",
        expired: "Pida otra a {{ organization }}.",
        unknown_title: "Este enlace no lleva a ninguna parte",
        unknown: "La invitación se ha retirado o sustituido por otra posterior, o la dirección está incompleta. Busque un mensaje más reciente.",
    },
    Words {
        tag: "ar",
        roles: ["مالك", "مسؤول", "عضو", "مطّلع"],
        subject: "تدعوك {{ organization }} إلى الانضمام",
        greeting: "مرحبًا {{ name }}،",
        greeting_nameless: "مرحبًا،",
        intro: "تدعوك {{ organization }} إلى العمل على مقابلاتها في InterviewRelay، بصفة: {{ role }}.",
        button: "قبول الدعوة",
        expiry: "هذا الرابط مخصّص لك وحدك، ويُستخدم مرة واحدة حتى {{ expiresOn }}.",
        fallback: "إذا لم يعمل الزر، فافتح هذا العنوان في المتصفح:",
        footer: "وصلتك هذه الرسالة لأن {{ organization }} دعت {{ email }}. إذا لم تكن تتوقعها فيمكنك تجاهلها: لا يحدث شيء ما لم تقبل الدعوة.",
        title: "لديك دعوة",
        accepted_title: "أصبحت عضوًا",
        accepted: "تم قبول دعوة {{ organization }}. يمكنك إغلاق هذه الصفحة.",
        expired_title: "انتهت صلاحية هذه الدعوة",
        expired: "اطلب دعوة أخرى من {{ organization }}.",
        unknown_title: "هذا الرابط لا يؤدي إلى أي مكان",
        unknown: "سُحبت الدعوة أو حلّت محلها دعوة لاحقة، أو أن العنوان غير مكتمل. ابحث عن رسالة أحدث.",
    },
    Words {
        tag: "zh",
        roles: ["所有者", "管理员", "成员", "查看者"],
        subject: "{{ organization }} 邀请您加入",
        greeting: "{{ name }}，您好：",
        greeting_nameless: "您好：",
        intro: "{{ organization }} 邀请您加入其在 InterviewRelay 上的访谈工作，您的角色：{{ role }}。",
        button: "接受邀请",
        expiry: "此链接仅供您本人使用一次，有效期至 {{ expiresOn }}。",
        fallback: "如果按钮无法使用，请在浏览器中打开以下地址：",
        footer: "您收到此邮件，是因为 {{ organization }} 邀请了 {{ email }}。如果您并未预料到此邮件，可以忽略它：只要您不接受，就不会发生任何事情。",
        title: "您收到邀请",
        accepted_title: "您已成为成员",
        accepted: "{{ organization }} 的邀请已被接受。您可以关闭此页面。",
        expired_title: "此邀请已过期",
        expired: "请向 {{ organization }} 索取新的邀请。",
        unknown_title: "此链接无效",
        unknown: "该邀请已被撤回或被后来的邀请取代，或者地址不完整。请查找更新的邮件。",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_known_language_wins() {
        for (header, tag) in [
            ("ar, en", "ar"),
            ("tlh, de-AT;q=0.9, en", "de"),
            ("", "en"),
            ("x", "en"),
            ("EN-gb,fr", "en"),
            ("zh-Hans", "zh"),
        ] {
            assert_eq!(accepted(header).tag, tag, "{header}");
        }
        assert_eq!((words("fr-CA").tag, words("tlh").tag), ("fr", "en"));
    }

    #[test]
    fn every_layout_is_filled_in_every_language() {
        for layout in [
            include_str!("../../assets/mail/member.html"),
            include_str!("../../assets/mail/member.txt"),
            include_str!("../../assets/members/page.html"),
        ] {
            for words in &LANGUAGES {
                assert!(!words.filled(layout).contains("[["), "{}", words.tag);
            }
        }
    }
}
