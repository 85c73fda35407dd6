//! A connection to the broker, with messages on their way.

use std::{
    collections::{HashSet, VecDeque},
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use lapin::{
    BasicProperties, Channel, Confirmation, Connect, Connection, ConnectionProperties, ExchangeKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    runtime,
    tcp::OwnedTLSConfig,
    types::FieldTable,
    uri::AMQPUri,
};

use super::{
    Failure, Settings,
    cloud_event::{CONTENT_TYPE, cloud_event},
};
use crate::events::PublicEvent;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that is silent for twice this long is broken, unless the URL says otherwise.
const HEARTBEAT_SECONDS: u16 = 10;

type Sending = Pin<Box<dyn Future<Output = Result<Confirmation, lapin::Error>> + Send>>;

/// A message on its way.
struct Flight {
    id: String,
    name: &'static str,
    /// Everything up to this position is published once the message is confirmed.
    position: i64,
    sending: Sending,
}

/// Messages on their way to the broker, in order.
pub struct Pipeline {
    connection: Connection,
    channel: Channel,
    exchange: String,
    source: String,
    flights: VecDeque<Flight>,
    /// Types that have been complained of.
    unroutable: HashSet<&'static str>,
}

impl Pipeline {
    /// Connects, declares the exchange and asks for confirms.
    pub async fn connect(settings: &Settings) -> Result<Self, Failure> {
        let mut uri: AMQPUri = settings.url.parse().map_err(Failure::Url)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let open = async {
            // Recovery is ours: the library cannot know where the log goes on.
            let properties = ConnectionProperties::default().with_connection_name("interview-relay".into());
            let tls = OwnedTLSConfig { identity: None, cert_chain: settings.roots.clone() };
            let connection = uri.connect_with_config(properties, tls, runtime::default_runtime()?).await?;
            let channel = connection.create_channel().await?;
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let exchange = settings.exchange.as_str().into();
            channel.exchange_declare(exchange, ExchangeKind::Topic, options, FieldTable::default()).await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok::<_, lapin::Error>((connection, channel))
        };
        let opened = tokio::time::timeout(CONNECT, open).await;
        let (connection, channel) = opened.map_err(|_| Failure::Silent(CONNECT.as_secs()))??;
        Ok(Self {
            connection,
            channel,
            exchange: settings.exchange.clone(),
            source: settings.source.clone(),
            flights: VecDeque::new(),
            unroutable: HashSet::new(),
        })
    }

    /// How many messages are on their way.
    pub fn len(&self) -> usize {
        self.flights.len()
    }

    /// Whether the broker has told us to wait, because it is short of memory or disk.
    pub fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Sends a message on its way, behind those that are. It does not wait: the number on their way bounds what is kept.
    pub async fn publish(&mut self, event: &PublicEvent) -> Result<(), Failure> {
        let (channel, exchange) = (self.channel.clone(), self.exchange.as_str().into());
        let payload = cloud_event(event, &self.source);
        let properties = BasicProperties::default()
            .with_content_type(CONTENT_TYPE.into())
            .with_delivery_mode(2)
            .with_message_id(event.id.as_str().into())
            .with_timestamp(u64::try_from(event.at.timestamp()).unwrap_or_default())
            .with_type(event.name.into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let routing_key = event.name.into();
        let mut sending: Sending = Box::pin(async move {
            channel.basic_publish(exchange, routing_key, options, &payload, properties).await?.await
        });
        // The first poll puts the frames in line, and so settles the order; the rest can wait.
        let polled = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
        if let Poll::Ready(result) = polled {
            let confirmation = result?;
            sending = Box::pin(std::future::ready(Ok(confirmation)));
        }
        let flight = Flight { id: event.id.clone(), name: event.name, position: event.position, sending };
        self.flights.push_back(flight);
        metrics::counter!("broker_published_total").increment(1);
        Ok(())
    }

    /// Waits until the oldest message is confirmed, takes it and all confirmed ones behind it out, and answers the
    /// position of the last; never returns when none is on its way. It may be given up at any time.
    pub async fn confirmed(&mut self) -> Result<i64, Failure> {
        let mut last = None;
        poll_fn(|context| {
            while let Some(flight) = self.flights.front_mut() {
                let Poll::Ready(result) = flight.sending.as_mut().poll(context) else { break };
                let Some(flight) = self.flights.pop_front() else { break };
                match settle(&flight, result, &mut self.unroutable) {
                    Ok(()) => last = Some(flight.position),
                    Err(failure) => return Poll::Ready(Err(failure)),
                }
            }
            last.map_or(Poll::Pending, |position| Poll::Ready(Ok(position)))
        })
        .await
    }

    /// Hangs up.
    pub async fn close(self) {
        // What is still on its way is published again by whoever goes on.
        _ = tokio::time::timeout(CONNECT, self.connection.close(200, "bye".into())).await;
    }
}

fn settle(
    flight: &Flight,
    result: Result<Confirmation, lapin::Error>,
    unroutable: &mut HashSet<&'static str>,
) -> Result<(), Failure> {
    match result? {
        Confirmation::Ack(returned) => {
            metrics::counter!("broker_confirmed_total").increment(1);
            if returned.is_some() {
                metrics::counter!("broker_unroutable_total").increment(1);
                if unroutable.insert(flight.name) {
                    tracing::warn!(
                        event = flight.id,
                        r#type = flight.name,
                        "no queue is bound to take this type of event"
                    );
                }
            }
            Ok(())
        }
        Confirmation::Nack(_) => {
            metrics::counter!("broker_refused_total").increment(1);
            Err(Failure::Refused(flight.id.clone()))
        }
        Confirmation::NotRequested => Err(Failure::Refused(flight.id.clone())),
    }
}
