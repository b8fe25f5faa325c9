-- +goose Up
-- How far each provider's list of opt-outs has been read.
create table opt_out_cursors (
	provider text      primary key,
	cursor   text      not null,
	at       timestamp not null
);

-- Messages whose words are gone: what proves them stays in messages, decisions, attempts and receipts.
create table message_removals (
	message text      primary key,
	digest  text      not null, -- of the words that were there, SHA-256
	why     text      not null, -- retention, erased
	at      timestamp not null
);
