-- +goose Up
-- returns that a person says were filed; what was filed stays as it was then
create table tax_filings (
	id         text      primary key,
	scheme     text      not null,
	period     text      not null,
	first      text      not null, -- civil days, both included
	last       text      not null,
	filed_on   text      not null,
	reference  text      not null,
	filed_by   text      not null,
	noted_at   timestamp not null,
	report     text      not null, -- JSON
	undone_at  timestamp,
	undone_by  text      not null,
	undone_why text      not null
);
create unique index tax_filings_once on tax_filings (scheme, period) where undone_at is null;

-- which filed return has declared an entry under a scheme
create table tax_declared (
	scheme text not null,
	entry  text not null references tax_entries (id),
	filing text not null references tax_filings (id),
	primary key (scheme, entry)
);
create index tax_declared_filing on tax_declared (filing);

alter table tax_levels add column seen_at timestamp;
alter table tax_levels add column seen_by text not null default '';
