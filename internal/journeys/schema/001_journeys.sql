-- +goose Up
create table journey_decisions (
	id       text      primary key,
	journey  text      not null,
	key      text      not null,
	customer text      not null,
	market   text      not null,
	outcome  text      not null,
	reason   text      not null,
	detail   text      not null,
	message  text      not null,
	code     text      not null,
	at       timestamp not null,
	n        bigint    not null  -- counts a key's decisions
);
create index journey_decisions_key on journey_decisions (key, id);
create index journey_decisions_customer on journey_decisions (customer, id) where customer <> '';

-- One recovery per cart, waiting or over.
create table journey_recoveries (
	cart     text      primary key,
	customer text      not null,
	email    text      not null,
	phone    text      not null,
	market   text      not null,
	lang     text      not null,
	left_at  timestamp not null,
	state    text      not null, -- waiting, sent, not_sent
	message  text      not null,
	code     text      not null,
	asked_at timestamp,          -- when its message was queued
	ended_at timestamp
);
create index journey_recoveries_phone on journey_recoveries (phone, asked_at) where phone <> '';
create index journey_recoveries_email on journey_recoveries (email, asked_at) where email <> '';
