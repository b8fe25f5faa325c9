-- +goose Up
alter table fx_locks add column settled_minor bigint not null default 0;
alter table fx_locks add column released_minor bigint not null default 0;
update fx_locks set settled_minor = coalesce((select sum(r.minor) from fx_results r where r.ref = fx_locks.ref), 0);
update fx_locks set released_minor = minor - settled_minor where state = 'released';

-- what payouts brought for locks; entry tells a charge and a refund of one order in one payout apart
create table fx_settlements (
	payout        text      not null,
	ref           text      not null references fx_locks (ref),
	entry         text      not null,
	minor         bigint    not null,
	currency      text      not null,
	home          text      not null,
	locked_minor  bigint    not null,
	settled_minor bigint    not null,
	fee_minor     bigint    not null,
	rate          text      not null,
	settled_on    text      not null,
	primary key (payout, ref, entry)
);
create index fx_settlements_month on fx_settlements (settled_on, currency);
create index fx_settlements_ref on fx_settlements (ref);
insert into fx_settlements (payout, ref, entry, minor, currency, home, locked_minor, settled_minor, fee_minor, rate, settled_on)
	select payout, ref, 'charge', minor, currency, home, locked_minor, settled_minor, fee_minor, rate, settled_on from fx_results;
drop table fx_results;

-- reports of providers, and what became of each line
create table payout_files (
	id       text      primary key,
	name     text      not null,
	taken_by text      not null,
	taken_at timestamp not null,
	lines    bigint    not null,
	done     bigint    not null default 0,
	fresh    bigint    not null default 0,
	refused  bigint    not null default 0,
	ended_at timestamp
);
create index payout_files_age on payout_files (taken_at, id);

create table payout_lines (
	file       text    not null references payout_files (id),
	line       bigint  not null,
	payout     text    not null,
	entry      text    not null,
	ref        text    not null,
	lock_ref   text    not null,
	minor      bigint  not null,
	currency   text    not null,
	home_minor bigint  not null,
	home       text    not null,
	fee_minor  bigint  not null,
	day        text    not null,
	state      text    not null,
	fault      text    not null default '',
	primary key (file, line)
);
create index payout_lines_waiting on payout_lines (file, line) where state = 'waiting';

-- how the merchant keeps rates; one row
create table fx_desk (
	id     text      primary key,
	body   text      not null,
	set_by text      not null,
	set_at timestamp not null
);
