/*
 * This file knows how the keys of the group `broker' go together; it connects
 * to nothing and opens no file.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/server_url.h"
#include "settings/settings_draft.h"

enum { MESSAGE_MAX = 512, DB_DIGITS_MAX = 5 };

/* One check. */
struct checker {
	struct sh_draft *draft;
	const struct sh_record *record;
	const struct sh_settings_broker *broker;
};

static const struct sh_key *
key_of(const char *path)
{
	return sh_key_find(SH_SCOPE_TOP, path);
}

/* Where a key stands; one that is missing is missing to the type. */
static const char *
place_of(const struct checker *checker, const char *path)
{
	const char *place = sh_record_place(checker->record, key_of(path));

	return place != NULL
	    ? place
	    : sh_record_error_place(checker->record, key_of("broker.type"));
}

/* Say what is wrong with a key. */
static void SH_PRINTF(3, 4) report(
    const struct checker *checker, const char *path, const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sh_diagnose(checker->draft->diags, place_of(checker, path), "%s: %s",
	    path, text);
}

static const char *
text_of(const struct checker *checker, struct sh_text text)
{
	return sh_image_text(&checker->draft->image, text);
}

static bool
is_db(const char *path)
{
	size_t len = strspn(path, "0123456789");

	return path[len] == '\0' && len <= DB_DIGITS_MAX;
}

static void
check_redis_url(const struct checker *checker, const char *text,
    const struct sh_server_url *url)
{
	if (strcmp(url->scheme, "rediss") == 0)
		report(checker, "broker.url",
		    "'%s': TLS to Redis is not available; use a tunnel", text);
	else if (strcmp(url->scheme, "redis") != 0 &&
	    strcmp(url->scheme, "unix") != 0)
		report(checker, "broker.url",
		    "'%s': expected redis://[user@]host[:port][/db] or "
		    "unix:/path",
		    text);
	else if (!is_db(url->path))
		report(checker, "broker.url",
		    "'%s': behind the host is the number of a database", text);
}

static void
check_nats_url(const struct checker *checker, const char *text,
    const struct sh_server_url *url)
{
	if (strcmp(url->scheme, "nats") != 0 || url->path[0] != '\0')
		report(checker, "broker.url",
		    "'%s': expected nats://[user@]host[:port]", text);
}

static void
check_url(const struct checker *checker, const char *text)
{
	bool nats = checker->broker->type == SH_BROKER_NATS;
	struct sh_server_url url;
	const char *why;

	/* what is not shown may have a password in it */
	if (sh_server_url_parse(&url, text,
		nats ? SH_BROKER_NATS_PORT : SH_BROKER_REDIS_PORT, &why) < 0) {
		report(checker, "broker.url", "%s", why);
		return;
	}
	if (url.user[0] != '\0' &&
	    text_of(checker, checker->broker->user)[0] != '\0')
		report(checker, "broker.user",
		    "the URL has a user already, '%s'", url.user);
	if (nats)
		check_nats_url(checker, text, &url);
	else
		check_redis_url(checker, text, &url);
}

static void
check_urls(const struct checker *checker)
{
	struct sh_settings_group group = checker->broker->url;
	uint32_t i;

	if (group.count == 0)
		report(checker, "broker.url",
		    "is missing: where the broker is, such as \"%s\"",
		    checker->broker->type == SH_BROKER_NATS
			? "nats://127.0.0.1:4222"
			: "redis://127.0.0.1:6379/0");
	if (group.count > 1 && checker->broker->type == SH_BROKER_REDIS)
		report(checker, "broker.url",
		    "Redis is one server; got a list of %u", group.count);
	for (i = 0; i < group.count; i++)
		check_url(checker,
		    text_of(checker,
			checker->draft->image.items[group.first + i].text));
}

static void
check_secret(const struct checker *checker)
{
	const struct sh_settings_broker *broker = checker->broker;
	bool password = text_of(checker, broker->password)[0] != '\0';
	bool file = text_of(checker, broker->password_file)[0] != '\0';

	if (strcmp(text_of(checker, broker->password), SH_SECRET_SHOWN) == 0)
		report(checker, "broker.password",
		    "is what `shoal config' writes in its place");
	if (password && file)
		report(checker, "broker.password_file",
		    "the password is there already (broker.password)");
	if (strlen(text_of(checker, broker->password)) > SH_BROKER_PASSWORD_MAX)
		report(checker, "broker.password", "has more than %d bytes",
		    SH_BROKER_PASSWORD_MAX);
	if (text_of(checker, broker->user)[0] != '\0' && !password && !file)
		report(checker, "broker.user",
		    "needs a password (broker.password or "
		    "broker.password_file)");
}

/* It begins the names of channels and keys, and of subjects, which have a
 * stricter form. */
static void
check_prefix(const struct checker *checker)
{
	const char *prefix = text_of(checker, checker->broker->prefix);
	const char *c;

	if (strlen(prefix) > SH_BROKER_PREFIX_MAX)
		report(checker, "broker.prefix", "has more than %d bytes",
		    SH_BROKER_PREFIX_MAX);
	for (c = prefix; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			break;
	if (*c != '\0')
		report(checker, "broker.prefix",
		    "has a space or a control character in it");
	else if (checker->broker->type == SH_BROKER_NATS &&
	    strpbrk(prefix, "*>") != NULL)
		report(checker, "broker.prefix",
		    "NATS gives '*' and '>' another meaning");
}

/* An address that nobody asks is a type that was forgotten; a type that says "none"
 * switches all of it off with one word. */
static void
check_type(const struct checker *checker)
{
	if (checker->broker->url.count != 0 &&
	    sh_record_place(checker->record, key_of("broker.type")) == NULL)
		report(checker, "broker.url",
		    "is of no use without broker.type: \"redis\" or \"nats\" "
		    "(\"none\" switches it off)");
}

void
sh_draft_check_broker(struct sh_draft *draft, const struct sh_record *record)
{
	const struct checker checker = { .draft = draft,
		.record = record,
		.broker = &draft->image.top.broker };
	const struct sh_settings_broker *broker = checker.broker;

	/* what failed has its default now */
	if (record->failed)
		return;
	if (broker->backoff_first_ms > broker->backoff_max_ms)
		report(&checker, "broker.backoff.first",
		    "(%lld ms) is above max (%lld ms)",
		    (long long)broker->backoff_first_ms,
		    (long long)broker->backoff_max_ms);
	if (broker->type == SH_BROKER_NONE) {
		check_type(&checker);
		return;
	}
	check_urls(&checker);
	check_secret(&checker);
	check_prefix(&checker);
}
