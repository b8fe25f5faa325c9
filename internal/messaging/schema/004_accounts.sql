-- +goose Up
-- Accounts with message providers.
create table message_accounts (
	id         text      primary key, -- chosen by the merchant; stands in webhook addresses
	provider   text      not null,
	channel    text      not null,
	base       text      not null,    -- empty: the provider's own address
	sender     text      not null,
	kind       text      not null,
	countries  text      not null,    -- JSON list; empty: every country
	classes    text      not null,    -- JSON list; empty: every class
	price      text      not null,    -- of one part, decimal; empty: as the provider says, else the price list
	currency   text      not null,
	plain      text      not null,    -- JSON, what is no secret
	locked     text      not null,    -- what is, sealed by package vault
	rank       bigint    not null,    -- the smallest is tried first
	enabled    boolean   not null,
	tested     text      not null,    -- message of the last test
	created_at timestamp not null,
	changed_at timestamp not null
);

-- Browsers that take notices.
create table push_subscriptions (
	id         text      primary key,
	endpoint   text      not null unique,
	p256dh     text      not null,
	auth       text      not null,
	customer   text      not null,
	lang       text      not null,
	created_at timestamp not null
);
create index push_subscriptions_customer on push_subscriptions (customer) where customer <> '';
