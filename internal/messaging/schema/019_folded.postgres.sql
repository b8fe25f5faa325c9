-- +goose Up
-- What nearly every text has once stands with it: its first attempt, the one name that the provider gave it, the receipt that
-- says it has arrived. As soon as there is more to tell, all of it moves to the tables, where a message may have many.
alter table messages add column tried_at timestamp;
alter table messages add column ref text not null default '';
alter table messages add column given text not null default '';
alter table messages add column told_at timestamp;
alter table messages add column told_on timestamp;
alter table messages add column told_ref text not null default '';
alter table messages add column told_phone text not null default '';
alter table messages add column told_code text not null default '';
alter table messages add column told_raw text not null default '';
alter table messages alter column cost_micros set default 0;
alter table messages alter column currency set default '';
alter table messages alter column repeats set default 0;
alter table messages alter column clicks set default 0;
alter table messages alter column late_failure set default '';
-- Most messages need no token.
alter table messages drop constraint messages_token_key;
create unique index messages_token on messages (token) where token <> '';
create index messages_ref on messages (ref) where ref <> '';

alter table message_attempts rename to message_tries;
alter table message_refs rename to message_names;
alter table message_receipts rename to message_reports;

-- Every attempt, every name by which a provider knows one, and every receipt, wherever they are kept.
create view message_attempts as
	select 'att_' || substr(id, 5) as id, id as message, 1 as n, route, provider, sender, case when sent_at is null then 'open' else 'taken' end as outcome,
		'' as trouble, '' as code, '' as detail, false as repeat, tried_at as started_at, sent_at as answered_at from messages where tried_at is not null
	union all select id, message, n, route, provider, sender, outcome, trouble, code, detail, repeat, started_at, answered_at from message_tries;
create view message_refs as
	select provider, ref, 'att_' || substr(id, 5) as attempt, 1 as part, given, id as message, recipient, case when told_at is null then '' else 'delivered' end as state,
		1 as parts from messages where ref <> ''
	union all select provider, ref, attempt, part, given, message, recipient, state, parts from message_names;
create view message_receipts as
	select 'rcp_' || substr(id, 5) as id, provider, told_ref as ref, ref as normal, told_phone as phone, 'delivered' as state, told_code as code, told_raw as raw,
		told_on as at, id as message, told_at as seen_at from messages where told_at is not null
	union all select id, provider, ref, normal, phone, state, code, raw, at, message, seen_at from message_reports;
