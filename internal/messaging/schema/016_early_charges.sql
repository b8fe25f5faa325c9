-- +goose Up
-- What a provider says it takes before its own answer has told us which message it means. Kept as long as early receipts.
create table early_charges (
	provider text      not null,
	ref      text      not null, -- normalised as in message_refs
	micros   bigint    not null, -- of one part
	currency text      not null,
	at       timestamp not null,
	primary key (provider, ref)
);
create index early_charges_at on early_charges (at);
