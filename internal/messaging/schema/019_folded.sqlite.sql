-- +goose Up
-- What nearly every text has once stands with it: its first attempt, the one name that the provider gave it, the receipt that
-- says it has arrived. As soon as there is more to tell, all of it moves to the tables, where a message may have many.
create table lean_messages (
	id           text      primary key,
	key          text      not null unique,
	customer     text      not null,
	channel      text      not null,
	recipient    text      not null, -- E.164 or e-mail address
	class        text      not null,
	market       text      not null,
	country      text      not null,
	lang         text      not null,
	template     text      not null,
	order_id     text      not null,
	cart         text      not null,
	request      text      not null, -- the Message as it was asked for
	token        text      not null, -- empty: nothing in the message needs one
	subject      text      not null,
	body         text      not null,
	html         text      not null,
	encoding     text      not null,
	parts        bigint    not null,
	sender       text      not null,
	sender_kind  text      not null,
	state        text      not null,
	reason       text      not null,
	gate         text      not null, -- the last decision
	cost_micros  bigint    not null default 0, -- millionths of the currency's major unit
	currency     text      not null default '',
	repeats      bigint    not null default 0,
	clicks       bigint    not null default 0,
	late_failure text      not null default '',
	fact_at      timestamp,
	not_after    timestamp,
	held_until   timestamp,
	created_at   timestamp not null,
	queued_at    timestamp,
	wire_at      timestamp,
	sent_at      timestamp,
	delivered_at timestamp,
	due_at       timestamp, -- when a queued message is taken in hand next, or a sent one goes by another channel
	provider     text      not null default '', -- that took it, or has it in hand
	route        text      not null default '',
	replied_at   timestamp,
	orders       bigint    not null default 0,
	revenue_minor bigint   not null default 0,
	revenue_currency text  not null default '',
	text_version text      not null default '',
	robots       bigint    not null default 0,
	tried_at     timestamp, -- of the first attempt, by provider and route; it is answered when the message is sent
	ref          text      not null default '', -- the provider's name for it, in normal form
	given        text      not null default '', -- as the provider wrote it
	told_at      timestamp, -- when the receipt came
	told_on      timestamp, -- when the network says it happened
	told_ref     text      not null default '', -- as the receipt wrote the name
	told_phone   text      not null default '',
	told_code    text      not null default '',
	told_raw     text      not null default ''
);
insert into lean_messages (id, key, customer, channel, recipient, class, market, country, lang, template, order_id, cart, request, token, subject, body, html, encoding, parts, sender, sender_kind, state, reason, gate, cost_micros, currency, repeats, clicks, late_failure, fact_at, not_after, held_until, created_at, queued_at, wire_at, sent_at, delivered_at, due_at, provider, route, replied_at, orders, revenue_minor, revenue_currency, text_version, robots)
	select id, key, customer, channel, recipient, class, market, country, lang, template, order_id, cart, request, token, subject, body, html, encoding, parts, sender, sender_kind, state, reason, gate, cost_micros, currency, repeats, clicks, late_failure, fact_at, not_after, held_until, created_at, queued_at, wire_at, sent_at, delivered_at, due_at, provider, route, replied_at, orders, revenue_minor, revenue_currency, text_version, robots from messages order by id;
drop table messages;
alter table lean_messages rename to messages;
create unique index messages_token on messages (token) where token <> '';
create index messages_recipient on messages (recipient, id);
create index messages_order on messages (order_id) where order_id <> '';
create index messages_cart on messages (cart) where cart <> '';
create index messages_customer on messages (customer, id) where customer <> '';
create index messages_created on messages (created_at, id);
create index messages_due on messages (due_at) where state = 'queued';
create index messages_awaited on messages (due_at) where state = 'sent' and due_at is not null;
create index messages_ref on messages (ref) where ref <> '';

alter table message_attempts rename to message_tries;
alter table message_refs rename to message_names;
alter table message_receipts rename to message_reports;

-- Every attempt, every name by which a provider knows one, and every receipt, wherever they are kept.
create view message_attempts as
	select 'att_' || substr(id, 5) as id, id as message, 1 as n, route, provider, sender, case when sent_at is null then 'open' else 'taken' end as outcome,
		'' as trouble, '' as code, '' as detail, false as repeat, tried_at as started_at, sent_at as answered_at from messages where tried_at is not null
	union all select id, message, n, route, provider, sender, outcome, trouble, code, detail, repeat, started_at, answered_at from message_tries;
create view message_refs as
	select provider, ref, 'att_' || substr(id, 5) as attempt, 1 as part, given, id as message, recipient, case when told_at is null then '' else 'delivered' end as state,
		1 as parts from messages where ref <> ''
	union all select provider, ref, attempt, part, given, message, recipient, state, parts from message_names;
create view message_receipts as
	select 'rcp_' || substr(id, 5) as id, provider, told_ref as ref, ref as normal, told_phone as phone, 'delivered' as state, told_code as code, told_raw as raw,
		told_on as at, id as message, told_at as seen_at from messages where told_at is not null
	union all select id, provider, ref, normal, phone, state, code, raw, at, message, seen_at from message_reports;
