-- +goose Up
-- Who took a message, when it was answered first (within 72 hours), and the orders it led to.
alter table messages add column provider text not null default '';
alter table messages add column route text not null default '';
alter table messages add column replied_at timestamp;
alter table messages add column orders bigint not null default 0;
alter table messages add column revenue_minor bigint not null default 0;
alter table messages add column revenue_currency text not null default '';

-- Orders that count for a message, each for one.
create table message_conversions (
	order_id text      primary key,
	message  text      not null,
	minor    bigint    not null,
	currency text      not null,
	at       timestamp not null
);

-- Counts of messages by the hour in which they were written. What changed lately stands in message_moves, and is
-- added to message_counts every few seconds; together they are the truth at any moment.
create table message_counts (
	hour     timestamp not null,
	market   text      not null,
	class    text      not null,
	channel  text      not null,
	template text      not null,
	provider text      not null, -- empty until one took the message
	route    text      not null,
	currency text      not null, -- of the cost
	measure  text      not null, -- sent, parts, cost, delivered, took, took_ms, failed, held, dropped, replied, clicked, converted, revenue
	detail   text      not null, -- of failed, held, dropped: the reason; took: the class of times; revenue: its currency
	n        bigint    not null,
	primary key (hour, market, class, channel, template, provider, route, currency, measure, detail)
);
create table message_moves (
	id       text      primary key,
	hour     timestamp not null,
	market   text      not null,
	class    text      not null,
	channel  text      not null,
	template text      not null,
	provider text      not null,
	route    text      not null,
	currency text      not null,
	measure  text      not null,
	detail   text      not null,
	n        bigint    not null
);
