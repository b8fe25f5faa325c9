-- +goose Up
create table messages (
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
	token        text      not null unique,
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
	cost_micros  bigint    not null, -- millionths of the currency's major unit
	currency     text      not null,
	repeats      bigint    not null,
	clicks       bigint    not null,
	late_failure text      not null,
	fact_at      timestamp,
	not_after    timestamp,
	held_until   timestamp,
	created_at   timestamp not null,
	queued_at    timestamp,
	wire_at      timestamp,
	sent_at      timestamp,
	delivered_at timestamp
);
create index messages_recipient on messages (recipient, id);
create index messages_order on messages (order_id) where order_id <> '';
create index messages_cart on messages (cart) where cart <> '';
create index messages_customer on messages (customer, id) where customer <> '';
create index messages_created on messages (created_at, id);

create table message_decisions (
	id      text      primary key,
	message text      not null,
	n       bigint    not null,
	at      timestamp not null,
	channel text      not null,
	verdict text      not null,
	body    text      not null
);
create index message_decisions_message on message_decisions (message, n);

create table message_attempts (
	id          text      primary key,
	message     text      not null,
	n           bigint    not null,
	route       text      not null,
	provider    text      not null,
	sender      text      not null,
	outcome     text      not null, -- open, taken, refused, unknown
	trouble     text      not null,
	code        text      not null,
	detail      text      not null,
	repeat      boolean   not null, -- may have arrived twice
	started_at  timestamp not null,
	answered_at timestamp,
	unique (message, n)
);

-- The provider's names for what it took: one per part, or one for all.
create table message_refs (
	provider  text   not null,
	ref       text   not null, -- normal form
	attempt   text   not null,
	part      bigint not null,
	given     text   not null, -- as the provider wrote it
	message   text   not null,
	recipient text   not null,
	state     text   not null, -- empty until a receipt comes
	primary key (attempt, part)
);
create index message_refs_ref on message_refs (provider, ref);
create index message_refs_message on message_refs (message);

create table message_receipts (
	id       text      primary key,
	provider text      not null,
	ref      text      not null, -- as the provider wrote it
	normal   text      not null,
	phone    text      not null,
	state    text      not null,
	code     text      not null,
	raw      text      not null,
	at       timestamp,
	message  text      not null, -- empty while no message is known for it
	seen_at  timestamp not null,
	unique (provider, ref, state)
);
create index message_receipts_parked on message_receipts (provider, normal) where message = '';
create index message_receipts_message on message_receipts (message) where message <> '';

create table inbound_messages (
	id         text      primary key,
	provider   text      not null,
	ref        text      not null,
	channel    text      not null,
	sender     text      not null,
	recipient  text      not null,
	text       text      not null,
	intent     text      not null,
	rating     bigint    not null,
	customer   text      not null,
	message    text      not null,
	order_id   text      not null,
	cart       text      not null,
	market     text      not null,
	country    text      not null,
	lang       text      not null,
	at         timestamp not null,
	open       boolean   not null,
	handled_at timestamp,
	handled_by text      not null,
	unique (provider, ref)
);
create index inbound_messages_open on inbound_messages (id) where open;
create index inbound_messages_sender on inbound_messages (sender, id);
create index inbound_messages_at on inbound_messages (at);

-- Parts of longer texts until all are there.
create table inbound_parts (
	provider  text      not null,
	sender    text      not null,
	recipient text      not null,
	ref       bigint    not null,
	total     bigint    not null,
	part      bigint    not null,
	coding    bigint    not null,
	body      text      not null, -- hex
	at        timestamp not null,
	primary key (provider, sender, recipient, ref, total, part)
);

-- Who writes to or hears from an address takes its row first, so that STOP and a send take turns.
create table message_addresses (
	address    text      primary key,
	touched_at timestamp not null
);
