-- +goose Up
-- What stood on the list before a stop took its place, to be given back with START; a note by hand; who put it there.
alter table suppressions add column beneath text not null default '';
alter table suppressions add column beneath_source text not null default '';
alter table suppressions add column note text not null default '';
create index suppressions_at on suppressions (at, address);

-- Every change of the list, so that the list of today can be explained.
create table suppression_changes (
	id      text      primary key,
	address text      not null,
	action  text      not null, -- add, lift
	reason  text      not null,
	source  text      not null,
	note    text      not null,
	at      timestamp not null
);
create index suppression_changes_address on suppression_changes (address, at);

-- Keys of digests: what is left of an address after its erasure, and proofs of where a consent came from.
create table digest_keys (
	name  text primary key,
	value text not null
);

-- What a market asks beyond its country's rules.
create table consent_rules (
	market     text      primary key,
	after_stop text      not null, -- empty: by country; mute, send
	keep_days  bigint    not null,
	changed_at timestamp not null,
	changed_by text      not null
);

create index consents_market on consents (market, at);
create index consents_at on consents (at, address, seq);
