-- +goose Up
create table fx_locks (
	ref       text      primary key,
	minor     bigint    not null,
	currency  text      not null,
	home      text      not null,
	rate      text      not null,
	rate_day  text      not null,
	source    text      not null,
	state     text      not null,
	locked_at timestamp not null
);
create index fx_locks_open on fx_locks (state, currency);

create table fx_results (
	payout      text      not null,
	ref         text      not null references fx_locks (ref),
	minor       bigint    not null,
	currency    text      not null,
	home        text      not null,
	locked_minor  bigint  not null,
	settled_minor bigint  not null,
	fee_minor   bigint    not null,
	rate        text      not null,
	settled_on  text      not null,
	primary key (payout, ref)
);
create index fx_results_month on fx_results (settled_on, currency);
