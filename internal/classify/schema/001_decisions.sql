-- +goose Up
-- what people decided about the codes of products; nothing is ever changed here
create table classify_decisions (
	id        text      primary key,
	product   text      not null,
	slug      text      not null,
	how       text      not null check (how in ('accepted', 'chosen', 'postponed', 'kept', 'undone')),
	hs        text      not null,
	eu        text      not null,
	gb        text      not null,
	us        text      not null,
	reason    text      not null,
	decided_by text     not null,
	decided_at timestamp not null,
	suggested text      not null, -- JSON: what was suggested then
	pack      text      not null,
	was_hs    text      not null,
	was_us    text      not null,
	undoes    text      not null
);
create index classify_decisions_product on classify_decisions (product, decided_at);

-- codes that an import brought and that aren't those in force
create table classify_questions (
	product   text      primary key,
	slug      text      not null,
	hs        text      not null,
	hs_us     text      not null,
	asked_at  timestamp not null,
	answered_by text    not null default '' -- the decision that settled it
);
