//! The report's own words, in the language of the interview where we have it, in English elsewhere.

use serde::Serialize;

/// The words.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Labels {
    /// What the document is.
    pub document: &'static str,
    /// Between the number of a page and their count.
    pub of: &'static str,
    /// Said of an interview that was broken off.
    pub partial: &'static str,
    /// Facts, in the order of [`Fact`].
    pub facts: [&'static str; 9],
    /// `completed`, `abandoned`.
    pub status: [&'static str; 2],
    /// Why it ended, after its status: the time was up, they left, withdrew consent, paused for too long, never began.
    pub reasons: [&'static str; 5],
    /// Hours, minutes and seconds.
    pub units: [&'static str; 3],
    /// Heading of the consent record.
    pub consent: &'static str,
    /// Columns of the consent record.
    pub consent_columns: [&'static str; 5],
    /// What consent is about: recording, processing, both.
    pub consent_kinds: [&'static str; 3],
    /// Granted, refused, withdrawn after it was granted.
    pub decisions: [&'static str; 3],
    /// How consent was given: on the page, through the API.
    pub methods: [&'static str; 2],
    /// "Version".
    pub version: &'static str,
    /// Heading of the insights.
    pub insights: &'static str,
    /// Figures: answers, words, words per answer, share of the conversation.
    pub tiles: [&'static str; 4],
    /// Sentiment of all answers.
    pub sentiment: &'static str,
    /// Positive, neutral, negative.
    pub moods: [&'static str; 3],
    /// Said where sentiment and key phrases are not supported.
    pub not_analysed: &'static str,
    /// Said where consent was withdrawn.
    pub withdrawn: &'static str,
    /// Key phrases.
    pub keywords: &'static str,
    /// Columns of the questions.
    pub question_columns: [&'static str; 4],
    /// Where a question has no answer.
    pub no_answer: &'static str,
    /// The longest answers.
    pub longest: &'static str,
    /// "Question", before its number.
    pub question: &'static str,
    /// Heading of the dialogue.
    pub conversation: &'static str,
    /// The interviewer.
    pub interviewer: &'static str,
    /// A participant without a name.
    pub participant: &'static str,
}

const EN: Labels = Labels {
    document: "Interview transcript",
    of: "of",
    partial: "This interview was broken off. The transcript holds what was said until then.",
    facts: [
        "Participant",
        "E-mail",
        "Status",
        "Started",
        "Ended",
        "Duration",
        "Questions answered",
        "Language",
        "Device",
    ],
    status: ["Completed", "Abandoned"],
    reasons: ["time limit reached", "participant left", "consent withdrawn", "paused too long", "never started"],
    units: ["h", "min", "s"],
    consent: "Consent",
    consent_columns: ["Covers", "Decision", "Time", "Given", "Text shown"],
    consent_kinds: ["Recording", "Data processing", "Recording and data processing"],
    decisions: ["Granted", "Refused", "Withdrawn"],
    methods: ["Interview page", "API"],
    version: "Version",
    insights: "Insights",
    tiles: ["Answers", "Words of the participant", "Words per answer", "Share of the conversation"],
    sentiment: "Overall sentiment",
    moods: ["Positive", "Neutral", "Negative"],
    not_analysed: "Sentiment and key phrases are not available for the language of this interview.",
    withdrawn: "The participant has withdrawn consent, so the answers were not analysed.",
    keywords: "Key phrases",
    question_columns: ["", "Question and answer", "Words", "Sentiment"],
    no_answer: "No answer",
    longest: "Longest answers",
    question: "Question",
    conversation: "Conversation",
    interviewer: "Interviewer",
    participant: "Participant",
};

const DE: Labels = Labels {
    document: "Interviewprotokoll",
    of: "von",
    partial: "Dieses Interview wurde abgebrochen. Das Protokoll enthält, was bis dahin gesagt wurde.",
    facts: ["Teilnehmer/in", "E-Mail", "Status", "Beginn", "Ende", "Dauer", "Beantwortete Fragen", "Sprache", "Gerät"],
    status: ["Abgeschlossen", "Abgebrochen"],
    reasons: [
        "Zeitgrenze erreicht",
        "vorzeitig verlassen",
        "Einwilligung widerrufen",
        "zu lange unterbrochen",
        "nie begonnen",
    ],
    units: ["h", "min", "s"],
    consent: "Einwilligung",
    consent_columns: ["Umfang", "Entscheidung", "Zeit", "Erteilt über", "Gezeigter Text"],
    consent_kinds: ["Aufzeichnung", "Datenverarbeitung", "Aufzeichnung und Datenverarbeitung"],
    decisions: ["Erteilt", "Verweigert", "Widerrufen"],
    methods: ["Interviewseite", "API"],
    version: "Version",
    insights: "Auswertung",
    tiles: ["Antworten", "Gesprochene Wörter", "Wörter je Antwort", "Anteil am Gespräch"],
    sentiment: "Stimmung insgesamt",
    moods: ["Positiv", "Neutral", "Negativ"],
    not_analysed: "Stimmung und Schlüsselbegriffe sind für die Sprache dieses Interviews nicht verfügbar.",
    withdrawn: "Die Einwilligung wurde widerrufen; die Antworten wurden nicht ausgewertet.",
    keywords: "Schlüsselbegriffe",
    question_columns: ["", "Frage und Antwort", "Wörter", "Stimmung"],
    no_answer: "Keine Antwort",
    longest: "Längste Antworten",
    question: "Frage",
    conversation: "Gespräch",
    interviewer: "Interview",
    participant: "Teilnehmer/in",
};

const FR: Labels = Labels {
    document: "Transcription de l’entretien",
    of: "sur",
    partial: "Cet entretien a été interrompu. La transcription contient ce qui a été dit jusque-là.",
    facts: ["Participant·e", "E-mail", "Statut", "Début", "Fin", "Durée", "Questions répondues", "Langue", "Appareil"],
    status: ["Terminé", "Abandonné"],
    reasons: [
        "durée maximale atteinte",
        "quitté avant la fin",
        "consentement retiré",
        "pause trop longue",
        "jamais commencé",
    ],
    units: ["h", "min", "s"],
    consent: "Consentement",
    consent_columns: ["Portée", "Décision", "Date", "Donné par", "Texte affiché"],
    consent_kinds: ["Enregistrement", "Traitement des données", "Enregistrement et traitement"],
    decisions: ["Accordé", "Refusé", "Retiré"],
    methods: ["Page d’entretien", "API"],
    version: "Version",
    insights: "Analyse",
    tiles: ["Réponses", "Mots prononcés", "Mots par réponse", "Part de la conversation"],
    sentiment: "Sentiment général",
    moods: ["Positif", "Neutre", "Négatif"],
    not_analysed: "Le sentiment et les mots-clés ne sont pas disponibles pour la langue de cet entretien.",
    withdrawn: "Le consentement a été retiré ; les réponses n’ont pas été analysées.",
    keywords: "Mots-clés",
    question_columns: ["", "Question et réponse", "Mots", "Sentiment"],
    no_answer: "Sans réponse",
    longest: "Réponses les plus longues",
    question: "Question",
    conversation: "Conversation",
    interviewer: "Intervieweur",
    participant: "Participant·e",
};

const ES: Labels = Labels {
    document: "Transcripción de la entrevista",
    of: "de",
    partial: "Esta entrevista se interrumpió. La transcripción contiene lo que se dijo hasta entonces.",
    facts: [
        "Participante",
        "Correo",
        "Estado",
        "Inicio",
        "Fin",
        "Duración",
        "Preguntas respondidas",
        "Idioma",
        "Dispositivo",
    ],
    status: ["Completada", "Abandonada"],
    reasons: [
        "tiempo agotado",
        "salió antes del final",
        "consentimiento retirado",
        "pausa demasiado larga",
        "nunca iniciada",
    ],
    units: ["h", "min", "s"],
    consent: "Consentimiento",
    consent_columns: ["Alcance", "Decisión", "Fecha", "Otorgado por", "Texto mostrado"],
    consent_kinds: ["Grabación", "Tratamiento de datos", "Grabación y tratamiento de datos"],
    decisions: ["Otorgado", "Rechazado", "Retirado"],
    methods: ["Página de la entrevista", "API"],
    version: "Versión",
    insights: "Análisis",
    tiles: ["Respuestas", "Palabras pronunciadas", "Palabras por respuesta", "Parte de la conversación"],
    sentiment: "Sentimiento general",
    moods: ["Positivo", "Neutro", "Negativo"],
    not_analysed: "El sentimiento y las palabras clave no están disponibles para el idioma de esta entrevista.",
    withdrawn: "Se retiró el consentimiento; las respuestas no se han analizado.",
    keywords: "Palabras clave",
    question_columns: ["", "Pregunta y respuesta", "Palabras", "Sentimiento"],
    no_answer: "Sin respuesta",
    longest: "Respuestas más largas",
    question: "Pregunta",
    conversation: "Conversación",
    interviewer: "Entrevistador",
    participant: "Participante",
};

const AR: Labels = Labels {
    document: "نص المقابلة",
    of: "من",
    partial: "توقفت هذه المقابلة قبل نهايتها. يحتوي النص على ما قيل حتى ذلك الحين.",
    facts: [
        "المشارك",
        "البريد الإلكتروني",
        "الحالة",
        "البداية",
        "النهاية",
        "المدة",
        "الأسئلة المجاب عنها",
        "اللغة",
        "الجهاز",
    ],
    status: ["مكتملة", "متوقفة"],
    reasons: ["انتهى الوقت المحدد", "غادر المشارك", "سُحبت الموافقة", "طال التوقف المؤقت", "لم تبدأ"],
    units: ["س", "د", "ث"],
    consent: "الموافقة",
    consent_columns: ["تشمل", "القرار", "الوقت", "عبر", "النص المعروض"],
    consent_kinds: ["التسجيل", "معالجة البيانات", "التسجيل ومعالجة البيانات"],
    decisions: ["ممنوحة", "مرفوضة", "مسحوبة"],
    methods: ["صفحة المقابلة", "واجهة البرمجة"],
    version: "الإصدار",
    insights: "التحليل",
    tiles: ["الإجابات", "كلمات المشارك", "كلمات لكل إجابة", "الحصة من الحوار"],
    sentiment: "الانطباع العام",
    moods: ["إيجابي", "محايد", "سلبي"],
    not_analysed: "تحليل الانطباع والعبارات الرئيسية غير متاح للغة هذه المقابلة.",
    withdrawn: "سُحبت الموافقة، لذلك لم تُحلَّل الإجابات.",
    keywords: "العبارات الرئيسية",
    question_columns: ["", "السؤال والإجابة", "الكلمات", "الانطباع"],
    no_answer: "بلا إجابة",
    longest: "أطول الإجابات",
    question: "السؤال",
    conversation: "الحوار",
    interviewer: "المحاور",
    participant: "المشارك",
};

const ZH: Labels = Labels {
    document: "访谈记录",
    of: "/",
    partial: "本次访谈中途结束，记录仅包含此前的内容。",
    facts: ["受访者", "电子邮箱", "状态", "开始时间", "结束时间", "时长", "已回答问题", "语言", "设备"],
    status: ["已完成", "已中止"],
    reasons: ["到达时限", "受访者离开", "已撤回同意", "暂停过久", "从未开始"],
    units: ["小时", "分", "秒"],
    consent: "知情同意",
    consent_columns: ["范围", "决定", "时间", "方式", "显示文本"],
    consent_kinds: ["录制", "数据处理", "录制与数据处理"],
    decisions: ["同意", "拒绝", "撤回"],
    methods: ["访谈页面", "API"],
    version: "版本",
    insights: "分析",
    tiles: ["回答次数", "受访者字数", "平均每次字数", "发言占比"],
    sentiment: "整体情绪",
    moods: ["积极", "中性", "消极"],
    not_analysed: "本访谈语言暂不支持情绪和关键词分析。",
    withdrawn: "受访者已撤回同意，回答未作分析。",
    keywords: "关键词",
    question_columns: ["", "问题与回答", "字数", "情绪"],
    no_answer: "未回答",
    longest: "最长的回答",
    question: "问题",
    conversation: "对话",
    interviewer: "访谈者",
    participant: "受访者",
};

/// The words for an interview in `language`, and whether their lines run from right to left.
pub fn labels(language: &str) -> (&'static str, bool, &'static Labels) {
    match primary(language).as_str() {
        "de" => ("de", false, &DE),
        "fr" => ("fr", false, &FR),
        "es" => ("es", false, &ES),
        "ar" => ("ar", true, &AR),
        "zh" => ("zh", false, &ZH),
        _ => ("en", false, &EN),
    }
}

/// A language by its own name; others by their code.
pub fn language_name(language: &str) -> String {
    let name = match primary(language).as_str() {
        "af" => "Afrikaans",
        "ar" => "العربية",
        "az" => "Azərbaycanca",
        "be" => "Беларуская",
        "bg" => "Български",
        "bs" => "Bosanski",
        "ca" => "Català",
        "cs" => "Čeština",
        "cy" => "Cymraeg",
        "da" => "Dansk",
        "de" => "Deutsch",
        "el" => "Ελληνικά",
        "en" => "English",
        "es" => "Español",
        "et" => "Eesti",
        "eu" => "Euskara",
        "fa" => "فارسی",
        "fi" => "Suomi",
        "fil" => "Filipino",
        "fr" => "Français",
        "ga" => "Gaeilge",
        "gl" => "Galego",
        "he" => "עברית",
        "hi" => "हिन्दी",
        "hr" => "Hrvatski",
        "hu" => "Magyar",
        "id" => "Bahasa Indonesia",
        "is" => "Íslenska",
        "it" => "Italiano",
        "ja" => "日本語",
        "kk" => "Қазақша",
        "ko" => "한국어",
        "lt" => "Lietuvių",
        "lv" => "Latviešu",
        "mk" => "Македонски",
        "mr" => "मराठी",
        "ms" => "Bahasa Melayu",
        "mt" => "Malti",
        "ne" => "नेपाली",
        "nl" => "Nederlands",
        "nn" => "Nynorsk",
        "no" | "nb" => "Norsk",
        "pl" => "Polski",
        "pt" => "Português",
        "ro" => "Română",
        "ru" => "Русский",
        "sk" => "Slovenčina",
        "sl" => "Slovenščina",
        "sq" => "Shqip",
        "sr" => "Српски",
        "sv" => "Svenska",
        "sw" => "Kiswahili",
        "th" => "ไทย",
        "tr" => "Türkçe",
        "uk" => "Українська",
        "ur" => "اردو",
        "uz" => "Oʻzbekcha",
        "vi" => "Tiếng Việt",
        "yue" => "粵語",
        "zh" => "中文",
        _ => return language.to_owned(),
    };
    if language.len() > 3 { format!("{name} ({language})") } else { name.to_owned() }
}

/// The first part of a language tag, if it looks like one.
pub fn primary(language: &str) -> String {
    let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let well_formed = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    if well_formed { primary } else { "en".to_owned() }
}
