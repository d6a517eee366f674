//! `POST …/batch_events`: the backend publishes several events at once, all of them or none.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::api::Refusal;
use super::events::{self, Told};
use super::info::{Attributes, Info};
use super::{Answer, json};
use crate::relay::publish::{self, RefusedBatch};
use crate::relay::{Relay, Tenant};

/// Publishes a batch. Where any event asks for `info`, the answer has an entry for each of them, in their order.
pub async fn publish(relay: &Relay, tenant: &Tenant, body: &[u8]) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Done {
        #[serde(skip_serializing_if = "Option::is_none")]
        batch: Option<Vec<Attributes>>,
    }
    let mut publications = Vec::new();
    let mut infos = Vec::new();
    for (at, event) in read(body).map_err(Refusal::bad)?.into_iter().enumerate() {
        let in_batch = |why: String| Refusal::bad(format!("event {} of the batch: {why}", at + 1));
        let info = Info::parse_of_many(event.info.as_deref().unwrap_or_default());
        infos.push(info.map_err(|bad| in_batch(bad.to_string()))?);
        publications.push(event.into_publication().map_err(in_batch)?);
    }
    let went = publish::publish_batch(tenant, publications, &relay.metrics).await?;
    let asked = infos.iter().any(|info| !info.is_empty());
    let about = || {
        let pairs = infos.iter().zip(&went);
        // An event of a batch has one channel; of several, the first speaks for it.
        pairs.filter_map(|(info, went)| Some(info.of(tenant, went.first()?))).collect()
    };
    Ok(json(StatusCode::OK, &Done { batch: asked.then(about) }))
}

impl From<RefusedBatch> for Refusal {
    fn from(refused: RefusedBatch) -> Self {
        let status = match &refused {
            RefusedBatch::TooMany { .. } => StatusCode::BAD_REQUEST,
            RefusedBatch::Event { refused, .. } | RefusedBatch::NotKept(refused) => events::status(refused),
        };
        Self::new(status, refused.to_string())
    }
}

fn read(body: &[u8]) -> Result<Vec<Told>, String> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        batch: Option<&'a RawValue>,
    }
    let text = events::text(body)?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err("the body is not a JSON object".to_owned());
    }
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| format!("the body: {error}"))?;
    let batch = fields.batch.ok_or("batch is missing")?;
    let batch: Vec<&RawValue> =
        serde_json::from_str(batch.get()).map_err(|error| format!("batch: {error}"))?;
    let events = batch.into_iter().enumerate();
    events
        .map(|(at, event)| Told::from_json(&format!("event {} of the batch", at + 1), event.get()))
        .collect()
}
