-- +goose Up
-- One conversation per person, over all channels.
create table talks (
	id        text      primary key,
	customer  text      not null, -- empty: somebody we don't know
	market    text      not null,
	country   text      not null,
	lang      text      not null,
	channel   text      not null, -- where they wrote last
	address   text      not null,
	order_id  text      not null, -- what was spoken of last
	cart      text      not null,
	last_at   timestamp not null,
	last_text text      not null, -- beginning of what was said last
	last_ours boolean   not null,
	unread    bigint    not null,
	waits_at  timestamp,          -- since when they wait for us
	assignee  text      not null, -- user who looks after it
	tickets   bigint    not null, -- not solved
	version   bigint    not null  -- counts what was said
);
create unique index talks_customer on talks (customer) where customer <> '';
create index talks_last on talks (last_at, id);
create index talks_unread on talks (id) where unread > 0;
create index talks_open on talks (last_at, id) where tickets > 0;

create table talk_addresses (
	address text      primary key, -- E.164, e-mail address, chat
	channel text      not null,
	talk    text      not null,
	at      timestamp not null     -- when they wrote from there last
);
create index talk_addresses_talk on talk_addresses (talk);

-- Words by which conversations are found, in hexadecimal: both databases sort those alike.
create table talk_words (
	word text not null,
	talk text not null,
	primary key (word, talk)
);
create index talk_words_talk on talk_words (talk, word);

create table tickets (
	id          text      primary key,
	number      text      not null unique, -- as people read it out: T-7K4Q
	key         text      not null unique, -- of what it was opened for
	talk        text      not null,
	customer    text      not null,
	order_id    text      not null,
	cart        text      not null,
	parcel      text      not null,
	market      text      not null,
	lang        text      not null,
	title       text      not null,
	reason      text      not null,
	source      text      not null,
	priority    bigint    not null,
	queue       text      not null,
	state       text      not null,
	assignee    text      not null,
	opened_by   text      not null,
	opened_at   timestamp not null,
	changed_at  timestamp not null,
	answered_at timestamp,          -- our first answer
	solved_at   timestamp,
	solved_by   text      not null,
	version     bigint    not null
);
create index tickets_talk on tickets (talk, id);
create index tickets_order on tickets (order_id) where order_id <> '';
create index tickets_unsolved on tickets (priority, id) where state <> 'solved';

-- What was done about a conversation or a ticket besides what was said: notes, who took it, solved, opened again.
create table talk_marks (
	id     text      primary key,
	talk   text      not null,
	ticket text      not null,
	at     timestamp not null,
	who    text      not null,
	what   text      not null,
	detail text      not null
);
create index talk_marks_talk on talk_marks (talk, id);
create index talk_marks_ticket on talk_marks (ticket, id) where ticket <> '';

-- Who has a conversation before them, and whether they write.
create table talk_readers (
	talk    text      not null,
	who     text      not null,
	name    text      not null,
	seen_at timestamp not null,
	typed_at timestamp,
	primary key (talk, who)
);

-- Answers written in advance, by language.
create table canned_answers (
	id    text      not null,
	lang  text      not null,
	title text      not null,
	words text      not null,
	who   text      not null,
	at    timestamp not null,
	primary key (id, lang)
);
