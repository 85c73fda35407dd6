//! Which models there are: for words, for voices.

use super::{ConfigError, Values};
use crate::interview::{model::Endpoint, speech};

impl Values<'_> {
    /// Where models are, and the key that is demanded there.
    fn llm(&self) -> Result<Option<(String, Option<String>)>, ConfigError> {
        let url = self.url("llm-url", &["https://", "http://"])?;
        Ok(url.map(|url| (url.trim_end_matches('/').to_owned(), self.given("llm-key").map(str::to_owned))))
    }

    pub(super) fn model(&self) -> Result<Option<Endpoint>, ConfigError> {
        let Some((url, key)) = self.llm()? else { return Ok(None) };
        let model = self.given("llm-model").map(str::to_owned);
        if model.is_none() && self.speech()?.is_none() {
            return Err(ConfigError(
                "llm-model (RELAY_LLM_MODEL), llm-speech-model or llm-transcription-model is required with llm-url"
                    .to_owned(),
            ));
        }
        Ok(model.map(|model| Endpoint { url, key, model }))
    }

    pub(super) fn speech(&self) -> Result<Option<speech::Endpoint>, ConfigError> {
        let names = ["llm-speech-model", "llm-transcription-model"];
        let [speech, transcription] = names.map(|name| self.given(name).map(str::to_owned));
        if speech.is_none() && transcription.is_none() {
            return Ok(None);
        }
        let Some((url, key)) = self.llm()? else {
            let name = if speech.is_some() { names[0] } else { names[1] };
            return Err(ConfigError(format!("{name} needs llm-url as well")));
        };
        Ok(Some(speech::Endpoint { url, key, speech, transcription }))
    }
}
