-- +goose Up
create table payment_intents (
	id         text      primary key,
	cart       text      not null unique,
	order_id   text      unique,
	customer   text      not null,
	market     text      not null,
	amount     bigint    not null,
	currency   text      not null,
	quote      text      not null,
	attempts   bigint    not null,
	test       boolean   not null,
	created_at timestamp not null
);

create table payment_attempts (
	id         text      primary key,
	intent     text      not null references payment_intents (id),
	seq        bigint    not null,
	psp        text      not null,
	account    text      not null,
	method     text      not null,
	delayed    boolean   not null,
	amount     bigint    not null,
	currency   text      not null,
	quote      text      not null,
	created_at timestamp not null,
	unique (intent, seq)
);

-- what was asked of a provider, noted before it was asked
create table payment_calls (
	key       text      primary key,
	attempt   text      not null references payment_attempts (id),
	operation text      not null,
	seq       bigint    not null,
	amount    bigint    not null,
	reason    text      not null,
	sent_at   timestamp not null,
	ended_at  timestamp,
	outcome   text      not null check (outcome in ('', 'ok', 'refused', 'unknown')),
	ref       text      not null,
	action    text      not null,
	tries     bigint    not null,
	check_at  timestamp
);
create index payment_calls_attempt on payment_calls (attempt);
create index payment_calls_ref on payment_calls (ref) where ref <> '';
create index payment_calls_due on payment_calls (check_at) where check_at is not null;

-- what providers said; rows are only ever added, and matched to an attempt once it is known
create table payment_facts (
	id          text      primary key,
	psp         text      not null,
	account     text      not null,
	event       text      not null,
	intent      text,
	attempt     text,
	reference   text      not null,
	object      text      not null,
	ref         text      not null,
	parent      text      not null,
	kind        text      not null,
	reason      text      not null,
	amount      bigint    not null,
	currency    text      not null,
	source      text      not null,
	occurred_at timestamp not null,
	received_at timestamp not null,
	raw         text      not null,
	unique (psp, account, event)
);
create index payment_facts_intent on payment_facts (intent);
create index payment_facts_parked on payment_facts (received_at) where intent is null;

-- money that a person has to look at
create table payment_reviews (
	id          text      primary key,
	intent      text      not null,
	cart        text      not null,
	order_id    text      not null,
	reason      text      not null,
	amount      bigint    not null,
	currency    text      not null,
	opened_at   timestamp not null,
	closed_at   timestamp,
	closed_by   text      not null,
	note        text      not null,
	unique (intent, reason)
);
create index payment_reviews_open on payment_reviews (opened_at) where closed_at is null;
