//! Session options: catalog, schema, and settings by their names.
//!
//! Their messages are Flight's own, which its crate does not generate.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, Oneof};
use tonic::Status;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;

use super::logins::lock;
use super::status::status;
use super::{Call, FlightSql};

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    option_value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, Oneof)]
enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Texts(StringListValue),
}

#[derive(Clone, PartialEq, Message)]
struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(btree_map = "string, message", tag = "1")]
    session_options: BTreeMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
struct SetSessionOptionsResult {
    #[prost(btree_map = "string, message", tag = "1")]
    errors: BTreeMap<String, SetSessionOptionsError>,
}

#[derive(Clone, PartialEq, Message)]
struct SetSessionOptionsError {
    #[prost(int32, tag = "1")]
    value: i32,
}

#[derive(Clone, PartialEq, Message)]
struct GetSessionOptionsResult {
    #[prost(btree_map = "string, message", tag = "1")]
    session_options: BTreeMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
struct CloseSessionResult {
    #[prost(int32, tag = "1")]
    status: i32,
}

const INVALID_NAME: i32 = 1;
const INVALID_VALUE: i32 = 2;
const CLOSED: i32 = 1;

/// The answer to CloseSession.
pub(super) fn closed() -> Bytes {
    CloseSessionResult { status: CLOSED }.encode_to_vec().into()
}

impl SessionOptionValue {
    fn text(text: String) -> Self {
        Self { option_value: Some(OptionValue::Text(text)) }
    }

    /// As SET would take it; none to go back to the default.
    fn values(&self) -> Option<Vec<String>> {
        Some(match self.option_value.as_ref()? {
            OptionValue::Text(text) => vec![text.clone()],
            OptionValue::Bool(value) => vec![if *value { "on" } else { "off" }.to_owned()],
            OptionValue::Int64(value) => vec![value.to_string()],
            OptionValue::Double(value) => vec![value.to_string()],
            OptionValue::Texts(list) => list.values.clone(),
        })
    }
}

/// The setting that an option is.
fn setting_of(name: &str) -> &str {
    if name == "schema" { "search_path" } else { name }
}

impl FlightSql {
    /// Sets what can be set, and says of each other option what is wrong with it.
    pub(super) async fn set_options(
        &self,
        call: &Call,
        request: SetSessionOptionsRequest,
    ) -> Result<Bytes, Status> {
        let mut errors = BTreeMap::new();
        let mut session = call.login.session.lock().await;
        for (name, value) in request.session_options {
            match self.set_option(&mut session, &name, &value).await {
                Ok(()) if value.option_value.is_none() => {
                    lock(&call.login.options).remove(&name);
                }
                Ok(()) => {
                    let text = session.setting(setting_of(&name)).unwrap_or_default();
                    lock(&call.login.options).insert(name, (value, text));
                }
                Err(error) => {
                    let unknown = error.kind() == ErrorKind::UndefinedObject;
                    let value = if unknown { INVALID_NAME } else { INVALID_VALUE };
                    errors.insert(name, SetSessionOptionsError { value });
                }
            }
        }
        Ok(SetSessionOptionsResult { errors }.encode_to_vec().into())
    }

    async fn set_option(
        &self,
        session: &mut Session,
        name: &str,
        value: &SessionOptionValue,
    ) -> Result<()> {
        let values = value.values();
        if name == "catalog" {
            let invalid = Error::new(ErrorKind::InvalidCatalogName, "there is one database");
            return match values {
                Some(values) if values != [self.services.config.name.as_str()] => Err(invalid),
                _ => Ok(()),
            };
        }
        if name == "schema"
            && let Some(schema) = values.as_deref().and_then(<[String]>::first)
            && !session.has_schema(schema).await?
        {
            let message = format!("schema \"{schema}\" does not exist");
            return Err(Error::new(ErrorKind::InvalidSchemaName, message));
        }
        session.set_value(setting_of(name), values.as_deref()).await
    }

    /// All options: settings as texts, but what the client has set as it has set it.
    pub(super) async fn get_options(&self, call: &Call) -> Result<Bytes, Status> {
        let session = call.login.session.lock().await;
        let mut session_options: BTreeMap<String, SessionOptionValue> = session
            .all_settings()
            .into_iter()
            .map(|(name, value)| (name, SessionOptionValue::text(value)))
            .collect();
        let options = lock(&call.login.options).clone();
        for (name, (value, text)) in options {
            if session.setting(setting_of(&name)).unwrap_or_default() == text {
                session_options.insert(name, value);
            }
        }
        let catalog = self.services.config.name.clone();
        session_options.insert("catalog".to_owned(), SessionOptionValue::text(catalog));
        let schema = session.current_schema().await.map_err(|error| status(&error))?;
        let schema = SessionOptionValue::text(schema.unwrap_or_default());
        session_options.insert("schema".to_owned(), schema);
        Ok(GetSessionOptionsResult { session_options }.encode_to_vec().into())
    }
}
