-- +goose Up
-- What mail servers and readers said about mails after they were sent; once for each kind.
create table mail_returns (
	id        text      primary key,
	attempt   text      not null,
	message   text      not null,
	recipient text      not null,
	kind      text      not null, -- failed, soft, delayed, complaint
	status    text      not null, -- enhanced status code, RFC 3463
	said      text      not null, -- the server's own words
	raw       text      not null, -- its beginning
	at        timestamp not null,
	unique (attempt, kind)
);
create index mail_returns_message on mail_returns (message);
create index mail_returns_recipient on mail_returns (recipient);
