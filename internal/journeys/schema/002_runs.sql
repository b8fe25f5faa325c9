-- +goose Up
create table journeys (
	name       text      primary key,
	state      text      not null, -- live, closed (no new entries), stopped
	version    bigint    not null, -- in force
	changed_at timestamp not null
);

-- A version never changes once it is here.
create table journey_versions (
	journey    text      not null,
	version    bigint    not null,
	definition text      not null, -- JSON
	made_by    text      not null, -- empty: came with the program
	note       text      not null,
	trial      text      not null, -- what the simulation before publishing said, as JSON; empty without
	at         timestamp not null,
	primary key (journey, version)
);
create table journey_drafts (
	journey    text      primary key,
	definition text      not null,
	over       bigint    not null, -- the version it was begun from
	by_whom    text      not null,
	at         timestamp not null
);

create table journey_runs (
	id         text      primary key,
	journey    text      not null,
	version    bigint    not null,
	key        text      not null, -- the order, cart, parcel or person it is about
	priority   bigint    not null,
	customer   text      not null,
	market     text      not null,
	lang       text      not null,
	order_id   text      not null,
	cart       text      not null,
	parcel     text      not null,
	node       text      not null,
	state      text      not null, -- waiting, held, done, exited, failed
	reason     text      not null,
	arm        text      not null, -- control, treated, or nothing
	way        text      not null,
	due_at     timestamp,
	fact_at    timestamp not null,
	started_at timestamp not null,
	ended_at   timestamp,
	sent       bigint    not null,
	steps      bigint    not null, -- how many there are
	body       text      not null  -- JSON: the event, visits, variables
);
create unique index journey_runs_one on journey_runs (journey, key) where ended_at is null;
create index journey_runs_key on journey_runs (key, started_at);
create index journey_runs_due on journey_runs (due_at, priority) where due_at is not null;
create index journey_runs_customer on journey_runs (customer, journey, started_at) where customer <> '';
create index journey_runs_node on journey_runs (journey, version, node) where ended_at is null;

-- What a run that isn't over is about: "order:ord_1".
create table journey_subjects (
	subject text not null,
	run     text not null,
	primary key (subject, run)
);
create index journey_subjects_run on journey_subjects (run);

create table journey_steps (
	id       text      primary key,
	run      text      not null,
	n        bigint    not null, -- counts a run's steps, so that none is done twice
	journey  text      not null,
	version  bigint    not null,
	node     text      not null,
	visit    bigint    not null,
	key      text      not null,
	customer text      not null,
	market   text      not null,
	arm      text      not null,
	outcome  text      not null,
	reason   text      not null,
	detail   text      not null,
	message  text      not null,
	code     text      not null,
	ticket   text      not null,
	at       timestamp not null
);
create unique index journey_steps_once on journey_steps (run, n) where run <> '';
create index journey_steps_key on journey_steps (key, at, n);
create index journey_steps_customer on journey_steps (customer, at, n) where customer <> '';
create index journey_steps_message on journey_steps (message) where message <> '';
create index journey_steps_journey on journey_steps (journey, at);

insert into journey_steps (id, run, n, journey, version, node, visit, key, customer, market, arm, outcome, reason, detail, message, code, ticket, at)
	select id, '', n, case when journey = 'recover' then 'cart' else journey end, 0, '', 0, key, customer, market, '', outcome, reason, detail, message, code, '', at from journey_decisions;
drop table journey_decisions;
drop table journey_recoveries;

create table journey_tags (
	customer text      not null,
	tag      text      not null,
	at       timestamp not null,
	primary key (customer, tag)
);

-- Answers to surveys, on whatever scale the question had.
create table journey_ratings (
	id       text      primary key,
	order_id text      not null,
	customer text      not null,
	market   text      not null,
	lang     text      not null,
	question text      not null, -- csat (1 to 5), nps (0 to 10)
	score    bigint,             -- null until a number came
	comment  text      not null,
	channel  text      not null,
	run      text      not null,
	at       timestamp not null
);
create unique index journey_ratings_order on journey_ratings (order_id, question);
create index journey_ratings_market on journey_ratings (market, at);
