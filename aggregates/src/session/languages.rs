//! The interviewer's own phrases. Languages without any get English.

/// What the interviewer can say in one language, and what it listens for.
pub(super) struct Phrases {
    pub greeting: &'static str,
    pub closing: &'static str,
    pub time_is_up: &'static str,
    /// Before the next question.
    pub transitions: &'static [&'static str],
    pub after_skip: &'static str,
    /// After a short answer.
    pub more: &'static [&'static str],
    /// After a vague answer.
    pub concrete: &'static [&'static str],
    /// How people say that they have nothing to say.
    pub vague: &'static [&'static str],
    /// How people say that they do not want to say it.
    pub declining: &'static [&'static str],
    pub yes: &'static str,
    pub no: &'static str,
}

/// The languages that have phrases.
#[cfg(test)]
pub(super) const LANGUAGES: [&str; 6] = ["en", "de", "fr", "es", "ar", "zh"];

/// The phrases of a language, which may name a region too (`de-AT`).
pub(super) fn phrases(language: &str) -> &'static Phrases {
    match language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "de" => &GERMAN,
        "fr" => &FRENCH,
        "es" => &SPANISH,
        "ar" => &ARABIC,
        "zh" => &CHINESE,
        _ => &ENGLISH,
    }
}

static ENGLISH: Phrases = Phrases {
    greeting: "Hello, and thank you for taking the time. I am an artificial intelligence, and I will ask you a few \
               questions. There are no wrong answers. Let us begin.",
    closing: "That was my last question. Thank you very much for your time and for everything that you have shared.",
    time_is_up: "Our time is up, so we will stop here. Thank you very much for everything that you have shared.",
    transitions: &[
        "Thank you. Let us go on.",
        "Thanks, that is helpful. Here is the next question.",
        "I see, thank you. Next question.",
        "Thank you for that answer.",
    ],
    after_skip: "No problem, we will leave that one out.",
    more: &[
        "Could you tell me a little more about that?",
        "What makes you say that?",
        "Could you describe that in a bit more detail?",
        "Can you give me an example?",
    ],
    concrete: &[
        "Take a moment: does a particular situation come to mind?",
        "If you had to name one thing that stood out, what would it be?",
        "What would have made it better, or worse?",
    ],
    vague: &[
        "i don't know",
        "dont know",
        "do not know",
        "not sure",
        "no idea",
        "it was fine",
        "it was okay",
        "it was ok",
        "nothing special",
        "nothing in particular",
        "it depends",
        "whatever",
        "hard to say",
        "no opinion",
    ],
    declining: &[
        "rather not say",
        "rather not answer",
        "prefer not to say",
        "prefer not to answer",
        "no comment",
        "don't want to talk about",
        "don't want to answer",
        "don't want to say",
    ],
    yes: "Yes",
    no: "No",
};

static GERMAN: Phrases = Phrases {
    greeting: "Guten Tag, und danke, dass Sie sich Zeit nehmen. Ich bin eine künstliche Intelligenz und stelle Ihnen \
               einige Fragen. Falsche Antworten gibt es nicht. Fangen wir an.",
    closing: "Das war meine letzte Frage. Vielen Dank für Ihre Zeit und für alles, was Sie erzählt haben.",
    time_is_up: "Unsere Zeit ist um, wir hören deshalb hier auf. Vielen Dank für alles, was Sie erzählt haben.",
    transitions: &[
        "Danke. Machen wir weiter.",
        "Danke, das hilft mir weiter. Hier ist die nächste Frage.",
        "Verstehe, vielen Dank. Die nächste Frage.",
        "Danke für diese Antwort.",
    ],
    after_skip: "Kein Problem, dann lassen wir diese Frage aus.",
    more: &[
        "Können Sie mir etwas mehr darüber erzählen?",
        "Wie kommen Sie darauf?",
        "Können Sie das etwas genauer beschreiben?",
        "Haben Sie ein Beispiel dafür?",
    ],
    concrete: &[
        "Lassen Sie sich Zeit: Fällt Ihnen eine bestimmte Situation ein?",
        "Wenn Sie eine Sache nennen müssten, die Ihnen aufgefallen ist, welche wäre das?",
        "Was hätte es besser oder schlechter gemacht?",
    ],
    vague: &[
        "weiß nicht",
        "weiss nicht",
        "keine ahnung",
        "nicht sicher",
        "ganz okay",
        "ganz ok",
        "war okay",
        "war ok",
        "ganz gut",
        "nichts besonderes",
        "wie immer",
        "kommt darauf an",
        "kommt drauf an",
        "schwer zu sagen",
        "egal",
        "keine meinung",
    ],
    declining: &[
        "möchte ich nicht sagen",
        "möchte ich nichts sagen",
        "möchte ich nicht beantworten",
        "will ich nicht sagen",
        "will ich nicht beantworten",
        "möchte dazu nichts sagen",
        "kein kommentar",
        "keine angabe",
    ],
    yes: "Ja",
    no: "Nein",
};

static FRENCH: Phrases = Phrases {
    greeting: "Bonjour, et merci de prendre ce temps. Je suis une intelligence artificielle et je vais vous poser quelques \
               questions. Il n’y a pas de mauvaise réponse. Commençons.",
    closing: "C’était ma dernière question. Merci beaucoup pour votre temps et pour tout ce que vous avez partagé.",
    time_is_up: "Le temps est écoulé, nous nous arrêtons donc ici. Merci beaucoup pour tout ce que vous avez partagé.",
    transitions: &[
        "Merci. Continuons.",
        "Merci, c’est utile. Voici la question suivante.",
        "Je vois, merci. Question suivante.",
        "Merci pour cette réponse.",
    ],
    after_skip: "Pas de problème, nous laissons cette question de côté.",
    more: &[
        "Pourriez-vous m’en dire un peu plus ?",
        "Qu’est-ce qui vous fait dire cela ?",
        "Pourriez-vous décrire cela plus en détail ?",
        "Pouvez-vous me donner un exemple ?",
    ],
    concrete: &[
        "Prenez votre temps : une situation particulière vous vient-elle à l’esprit ?",
        "Si vous deviez citer une seule chose qui vous a marqué, laquelle serait-ce ?",
        "Qu’est-ce qui l’aurait rendu meilleur, ou pire ?",
    ],
    vague: &[
        "je ne sais pas",
        "je sais pas",
        "sais pas",
        "aucune idée",
        "pas sûr",
        "pas sûre",
        "c’était bien",
        "c’était correct",
        "rien de spécial",
        "rien de particulier",
        "comme d’habitude",
        "ça dépend",
        "difficile à dire",
        "peu importe",
        "pas d’avis",
    ],
    declining: &[
        "préfère ne pas répondre",
        "préfère ne pas le dire",
        "ne souhaite pas répondre",
        "ne veux pas répondre",
        "sans commentaire",
        "ne veux pas en parler",
    ],
    yes: "Oui",
    no: "Non",
};

static SPANISH: Phrases = Phrases {
    greeting: "Hola, y gracias por su tiempo. Soy una inteligencia artificial y le haré algunas preguntas. No hay respuestas \
               incorrectas. Empecemos.",
    closing: "Esa era mi última pregunta. Muchas gracias por su tiempo y por todo lo que ha compartido.",
    time_is_up: "Se nos ha acabado el tiempo, así que lo dejamos aquí. Muchas gracias por todo lo que ha compartido.",
    transitions: &[
        "Gracias. Sigamos.",
        "Gracias, es de gran ayuda. Esta es la siguiente pregunta.",
        "Entiendo, gracias. Siguiente pregunta.",
        "Gracias por su respuesta.",
    ],
    after_skip: "No hay problema, dejamos esa pregunta.",
    more: &[
        "¿Podría contarme un poco más?",
        "¿Por qué lo dice?",
        "¿Podría describirlo con más detalle?",
        "¿Puede darme un ejemplo?",
    ],
    concrete: &[
        "Tómese su tiempo: ¿le viene a la mente alguna situación concreta?",
        "Si tuviera que nombrar una sola cosa que le llamó la atención, ¿cuál sería?",
        "¿Qué lo habría hecho mejor, o peor?",
    ],
    vague: &[
        "no lo sé",
        "no sé",
        "ni idea",
        "no estoy seguro",
        "no estoy segura",
        "estuvo bien",
        "nada especial",
        "nada en particular",
        "como siempre",
        "depende",
        "difícil de decir",
        "da igual",
        "sin opinión",
    ],
    declining: &[
        "prefiero no decirlo",
        "prefiero no decir",
        "prefiero no responder",
        "prefiero no contestar",
        "no quiero responder",
        "no quiero hablar de",
        "sin comentarios",
    ],
    yes: "Sí",
    no: "No",
};

static ARABIC: Phrases = Phrases {
    greeting: "مرحبًا، وشكرًا لك على وقتك. أنا ذكاء اصطناعي، وسأطرح عليك بعض الأسئلة. لا توجد إجابات خاطئة. لنبدأ.",
    closing: "كان هذا سؤالي الأخير. شكرًا جزيلًا لك على وقتك وعلى كل ما شاركته.",
    time_is_up: "انتهى الوقت المخصص، لذلك نتوقف هنا. شكرًا جزيلًا لك على كل ما شاركته.",
    transitions: &[
        "شكرًا لك. لنتابع.",
        "شكرًا، هذا مفيد. إليك السؤال التالي.",
        "فهمت، شكرًا لك. السؤال التالي.",
        "شكرًا لك على هذه الإجابة.",
    ],
    after_skip: "لا بأس، سنتجاوز هذا السؤال.",
    more: &[
        "هل يمكنك أن تخبرني بالمزيد عن ذلك؟",
        "ما الذي يجعلك تقول ذلك؟",
        "هل يمكنك وصف ذلك بمزيد من التفصيل؟",
        "هل يمكنك أن تعطيني مثالًا؟",
    ],
    concrete: &[
        "خذ وقتك: هل يخطر ببالك موقف معين؟",
        "لو كان عليك أن تذكر شيئًا واحدًا لفت انتباهك، فماذا يكون؟",
        "ما الذي كان سيجعل الأمر أفضل أو أسوأ؟",
    ],
    vague: &[
        "لا أعرف",
        "لا اعرف",
        "لا أعلم",
        "لا أدري",
        "لا ادري",
        "ليس لدي فكرة",
        "لست متأكدا",
        "لست متأكدة",
        "لا شيء محدد",
        "لا شيء خاص",
        "كالعادة",
        "يعتمد على",
        "من الصعب القول",
        "لا رأي لي",
    ],
    declining: &["أفضل عدم الإجابة", "لا أريد الإجابة", "أفضل عدم القول", "لا أريد التحدث", "لا تعليق"],
    yes: "نعم",
    no: "لا",
};

static CHINESE: Phrases = Phrases {
    greeting: "您好，感谢您抽出时间。我是人工智能，接下来会问您几个问题。回答没有对错之分。我们开始吧。",
    closing: "这是我的最后一个问题。非常感谢您的时间和分享。",
    time_is_up: "时间到了，我们就到这里。非常感谢您的分享。",
    transitions: &[
        "谢谢。我们继续。",
        "谢谢，这很有帮助。下面是下一个问题。",
        "明白了，谢谢。下一个问题。",
        "感谢您的回答。",
    ],
    after_skip: "没关系，我们跳过这个问题。",
    more: &["您能再多说一点吗？", "您为什么这么说呢？", "您能说得更具体一些吗？", "您能举个例子吗？"],
    concrete: &[
        "不用着急：您能想起某个具体的情形吗？",
        "如果只能说一点让您印象最深的，那会是什么？",
        "怎样会让它变得更好，或者更糟？",
    ],
    vague: &[
        "不知道",
        "不清楚",
        "不太确定",
        "没想法",
        "没什么特别",
        "没有什么特别",
        "还可以",
        "还行",
        "一般般",
        "差不多",
        "看情况",
        "不好说",
        "无所谓",
        "随便",
    ],
    declining: &["不想说", "不方便说", "不想回答", "不愿意回答", "不便回答", "无可奉告"],
    yes: "是",
    no: "否",
};
