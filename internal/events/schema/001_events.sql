-- +goose Up
create table events (
	id    text      primary key,
	topic text      not null,
	body  text      not null,
	at    timestamp not null,
	seq   bigint    not null -- order among events of one moment
);
create index events_topic on events (topic, at, seq);
create index events_at on events (at, seq);
create table event_subjects (
	subject  text      not null, -- the id of an order, a customer, …
	at       timestamp not null,
	seq      bigint    not null,
	event_id text      not null,
	primary key (subject, at, seq)
);
create index event_subjects_at on event_subjects (at);
