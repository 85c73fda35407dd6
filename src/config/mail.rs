//! How mails leave, and who may report on them.

use std::path::PathBuf;

use super::{ConfigError, Values};
use crate::mail::{MailSettings, Outlet, settings};

impl Values<'_> {
    pub(super) fn mail(&self) -> Result<MailSettings, ConfigError> {
        let smtp =
            self.optional("smtp-url", "a URL such as smtp://user:password@mail.example.com:587?tls=required", |url| {
                settings::is_smtp_url(url).then(|| url.to_owned())
            })?;
        let from = self.optional("mail-from", "an address such as mail@example.com", settings::sender)?;
        if smtp.is_some() && from.is_none() {
            return Err(ConfigError("mail-from (RELAY_MAIL_FROM) is required with smtp-url".to_owned()));
        }
        let files = MailSettings::to_folder(PathBuf::from(self.text("data-dir")).join("mail"));
        Ok(MailSettings {
            outlet: smtp.map_or(files.outlet, Outlet::Smtp),
            from: from.unwrap_or(files.from),
            bounces: self.optional(
                "bounce-address",
                "an address whose name has at most 15 ASCII letters and no plus sign",
                |value| value.parse().ok(),
            )?,
            rate: self.parse("mail-rate", "a number from 1 to 100000", |value| {
                value.parse().ok().filter(|rate| (1..=100_000).contains(rate))
            })?,
            open_pixel: self.switch("mail-open-pixel")?,
            ses_topic: self.optional("ses-topic-arn", "the ARN of an SNS topic", |value| {
                value.starts_with("arn:").then(|| value.to_owned())
            })?,
            sendgrid_key: self.optional(
                "sendgrid-public-key",
                "a P-256 public key in base64",
                settings::sendgrid_key,
            )?,
            postmark_secret: self.secret("postmark-secret")?,
            bounce_secret: self.secret("bounce-secret")?,
        })
    }
}
