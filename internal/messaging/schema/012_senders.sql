-- +goose Up
-- What phones show as sender, with the papers that let it: one row for each country it sends to.
create table message_senders (
	id         text      primary key,
	country    text      not null,
	kind       text      not null,
	value      text      not null,    -- exact case: registers know no other
	provider   text      not null,
	state      text      not null,    -- not_needed, missing, submitted, approved, rejected, expired, removed
	papers     text      not null,    -- what was handed in, numbers, who decided
	valid_from text      not null,    -- days; empty: no end
	valid_to   text      not null,
	two_way    boolean   not null,
	receipts   boolean   not null,
	here       boolean   not null,    -- a company established in the country sends
	min_volume bigint    not null,    -- in 90 days, below which the sender is taken away; 0: none
	volume     bigint    not null,    -- counted in the last 90 days
	counted_at timestamp,
	links      text      not null,    -- JSON list: how registered links begin; {shop} is the shop's own address
	phones     text      not null,    -- JSON list of registered telephone numbers
	who        text      not null,
	changed_at timestamp not null,
	unique (country, value)
);
create table message_sender_changes (
	id     text      primary key,
	sender text      not null,
	at     timestamp not null,
	who    text      not null,
	body   text      not null -- JSON, as it was from then on
);
create index message_sender_changes_sender on message_sender_changes (sender, id);

-- What a merchant spends at most on offers and surveys to a market, and how many a person gets.
create table message_limits (
	market      text      primary key,
	currency    text      not null,
	day_minor   bigint    not null, -- 0: no limit
	month_minor bigint    not null,
	cap_day     bigint    not null, -- promotional and service messages to a person in 24 hours; 0: our own default
	cap_month   bigint    not null, -- promotional messages to a person in 30 days; 0: our own default
	who         text      not null,
	changed_at  timestamp not null
);
-- What was spent, of a day (2026-11-24) or a month (2026-11) of the market, with what is about to be.
create table message_spend (
	market   text   not null,
	currency text   not null,
	period   text   not null,
	micros   bigint not null,
	primary key (market, currency, period)
);
-- What a message that waits for its provider will cost. Gone once the cost is known.
create table message_bookings (
	message  text      primary key,
	market   text      not null,
	currency text      not null,
	day      text      not null,
	month    text      not null,
	micros   bigint    not null,
	at       timestamp not null
);
create index message_bookings_at on message_bookings (at);
