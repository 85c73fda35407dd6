//! The interviewer's turn as a participant's client gets it: with links to the media of its question.

use aggregates::{
    id::{FileId, OrganizationId, ScriptId},
    script::ScriptContent,
    session::TurnView,
};
use projections::file::FileDocument;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    command::{Commands, files},
    store,
};

/// Something that is shown or played with a question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownMedia {
    id: FileId,
    kind: &'static str,
    content_type: String,
    name: Option<String>,
    url: String,
    url_expires_at: String,
}

impl Commands {
    /// A turn as it is answered. A follow-up shows what its question shows: people look again before they say more.
    ///
    /// Media of a published version stay as long as the script, so nothing here needs a guard. The links work for a
    /// while; the next answer has fresh ones.
    pub(super) async fn shown_turn(
        &self,
        turn: &TurnView,
        (organization, script): (OrganizationId, ScriptId),
        content: &ScriptContent,
    ) -> Result<Map<String, Value>, store::Error> {
        let mut shown = match serde_json::to_value(turn)? {
            Value::Object(shown) => shown,
            _ => Map::new(),
        };
        if let (Some(prompt), Some(Value::Object(view))) = (&turn.prompt, shown.get_mut("prompt")) {
            let question = content.questions.iter().find(|question| question.id == prompt.question_id);
            let ids = question.map_or(&[][..], |question| &question.media);
            let media = self.shown_media((organization, script), ids).await?;
            view.insert("media".to_owned(), serde_json::to_value(media)?);
        }
        Ok(shown)
    }

    async fn shown_media(
        &self,
        (organization, script): (OrganizationId, ScriptId),
        ids: &[FileId],
    ) -> Result<Vec<ShownMedia>, store::Error> {
        let found = files::media_of(&self.store, organization, script, ids).await?;
        let mut shown = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(document) = found.iter().find(|document| document.id == id.to_string()) else { continue };
            let document = serde_json::from_str::<FileDocument>(&document.json)?;
            let kind = if document.content_type.starts_with("image/") { "image" } else { "audio" };
            let (content_type, name) = (document.content_type.clone(), document.name.clone());
            let (url, url_expires_at) = self.shown_file(document, self.now()).link();
            shown.push(ShownMedia { id: *id, kind, content_type, name, url, url_expires_at });
        }
        Ok(shown)
    }
}
