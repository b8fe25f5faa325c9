-- +goose Up
-- Two profiles of one person. Nothing is rewritten: facts keep the profile they were written under, and reads go through
-- the aliases. Keys are kinds of keys that matched ("phone"), never addresses.
create table customer_merges (
	id         text      primary key,
	survivor   text      not null,
	other      text      not null,
	by_whom    text      not null,
	why        text      not null,
	keys       text      not null, -- separated by blanks; empty: by hand
	at         timestamp not null,
	undo_until timestamp not null,
	undone_at  timestamp,
	undone_by  text      not null default '',
	erased_at  timestamp -- the person was forgotten: nothing to undo
);
create index customer_merges_survivor on customer_merges (survivor, at);
create index customer_merges_other on customer_merges (other, at);

create table customer_aliases (
	id       text primary key, -- the other profile
	survivor text not null,
	merge    text not null
);
create index customer_aliases_survivor on customer_aliases (survivor);

-- Pairs of which somebody said that they aren't the same person: they aren't suggested again. a < b.
create table customer_apart (
	a       text      not null,
	b       text      not null,
	by_whom text      not null,
	at      timestamp not null,
	primary key (a, b)
);
create index customer_apart_b on customer_apart (b);
