-- +goose Up
-- what was heard about parcels; never changed
create table parcel_events (
	id          text      primary key, -- made from what tells the event from others, so a repeat is none
	parcel      text      not null,
	shipment    text      not null references shipments (id),
	occurred_at timestamp not null,
	received_at timestamp not null,
	review      text      not null, -- why it counts for nothing until a person has looked; else empty
	body        text      not null
);
create index parcel_events_parcel on parcel_events (parcel, occurred_at, id);
create index parcel_events_review on parcel_events (received_at, id) where review <> '';

-- how far each parcel has come, as derived from its events
create table parcel_states (
	parcel       text      primary key,
	shipment     text      not null references shipments (id),
	order_id     text      not null,
	status       text      not null,
	stage        text      not null,
	body         text      not null,
	delivered_at timestamp,
	look_at      timestamp -- when a delay may show; null: nothing more is waited for
);
create index parcel_states_order on parcel_states (order_id);
create index parcel_states_shipment on parcel_states (shipment);
create index parcel_states_look on parcel_states (look_at) where look_at is not null;

-- delays that were announced
create table parcel_alerts (
	parcel   text      not null,
	cause    text      not null,
	times    bigint    not null,
	first_at timestamp not null,
	last_at  timestamp not null,
	from_day text      not null,
	to_day   text      not null,
	primary key (parcel, cause)
);

-- orders of which parcels have moved; delivered_at is set while all of them have come
create table order_deliveries (
	order_id     text      primary key,
	delivered_at timestamp
);

create table carriers (
	name text primary key,
	body text not null
);
