-- Events by their ids: where a subscriber goes on, and what is sent to it again.
CREATE UNIQUE INDEX events_by_id ON events (event_id);
