/*
 * This file reads offers of WebSocket extensions and writes the answer. Offers
 * are judged while they are read: a field that turns out to be malformed fails
 * the handshake, an offer that cannot be met only itself.
 */
#include "config.h"

#include "proto/ws_extension.h"

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "proto/http_chars.h"

/* What is left of the field. */
struct cursor {
	const char *at;
	size_t len;
};

struct text {
	const char *data; /* quoted: between the quotes, with backslashes */
	size_t len;
	bool quoted;
};

/* An offer of permessage-deflate, as it came. */
struct offer {
	bool server_no_takeover, client_no_takeover;
	bool has_server_bits, has_client_bits;
	uint8_t server_bits;
	uint8_t client_bits; /* 0: the client leaves it to the server */
	bool declined;
};

/* --- syntax: RFC 6455, 9.1 -------------------------------------------------- */

static void
skip_blanks(struct cursor *cursor)
{
	while (cursor->len != 0 &&
	    (cursor->at[0] == ' ' || cursor->at[0] == '\t')) {
		cursor->at++;
		cursor->len--;
	}
}

/* Pass over the byte, if it is next, and blanks around it. */
static bool
take_byte(struct cursor *cursor, char byte)
{
	skip_blanks(cursor);
	if (cursor->len == 0 || cursor->at[0] != byte)
		return false;
	cursor->at++;
	cursor->len--;
	skip_blanks(cursor);
	return true;
}

static bool
take_token(struct cursor *cursor, struct text *token_out)
{
	size_t n = sh_http_span(SH_HTTP_TOKEN, cursor->at, cursor->len);

	*token_out = (struct text){ .data = cursor->at, .len = n };
	cursor->at += n;
	cursor->len -= n;
	return n != 0;
}

/* What is in quotes has to be a token too, when backslashes are off. */
static bool
take_quoted(struct cursor *cursor, struct text *value_out)
{
	size_t i = 1, n = 0;

	for (; i < cursor->len && cursor->at[i] != '"'; i++, n++) {
		if (cursor->at[i] == '\\' && ++i == cursor->len)
			return false;
		if (!sh_http_is(SH_HTTP_TOKEN, cursor->at[i]))
			return false;
	}
	if (i >= cursor->len || n == 0)
		return false;
	*value_out = (struct text){
		.data = cursor->at + 1,
		.len = i - 1,
		.quoted = true,
	};
	cursor->at += i + 1;
	cursor->len -= i + 1;
	return true;
}

/* A parameter behind its semicolon; the value's data is NULL for none. */
static bool
take_parameter(
    struct cursor *cursor, struct text *name_out, struct text *value_out)
{
	*value_out = (struct text){ 0 };
	if (!take_token(cursor, name_out))
		return false;
	if (!take_byte(cursor, '='))
		return true;
	if (cursor->len != 0 && cursor->at[0] == '"')
		return take_quoted(cursor, value_out);
	return take_token(cursor, value_out);
}

/* --- meaning: RFC 7692, 7.1 ------------------------------------------------- */

static bool
is_word(const struct text *text, const char *word)
{
	return text->len == strlen(word) &&
	    memcmp(text->data, word, text->len) == 0;
}

/* 8 to 15, without a leading zero; 0 for anything else. */
static uint8_t
read_bits(const struct text *value)
{
	char digits[3];
	size_t i, n = 0;
	int number;

	for (i = 0; i < value->len; i++) {
		if (value->quoted && value->data[i] == '\\')
			i++;
		if (n == 2 || value->data[i] < '0' || value->data[i] > '9')
			return 0;
		digits[n++] = value->data[i];
	}
	if (n == 0 || digits[0] == '0')
		return 0;
	number =
	    n == 1 ? digits[0] - '0' : 10 * (digits[0] - '0') + digits[1] - '0';
	return number >= 8 && number <= 15 ? (uint8_t)number : 0;
}

/* Once, without a value. */
static bool
note_flag(bool *flag, const struct text *value)
{
	bool fine = !*flag && value->data == NULL;

	*flag = true;
	return fine;
}

/* Once, with a value. */
static bool
note_bits(bool *has, uint8_t *bits, const struct text *value)
{
	bool fine = !*has;

	*has = true;
	*bits = read_bits(value);
	return fine && *bits != 0;
}

static bool
note_parameter(
    struct offer *offer, const struct text *name, const struct text *value)
{
	if (is_word(name, "server_no_context_takeover"))
		return note_flag(&offer->server_no_takeover, value);
	if (is_word(name, "client_no_context_takeover"))
		return note_flag(&offer->client_no_takeover, value);
	if (is_word(name, "server_max_window_bits"))
		return note_bits(
		    &offer->has_server_bits, &offer->server_bits, value);
	if (!is_word(name, "client_max_window_bits"))
		return false;
	if (value->data == NULL)
		return note_flag(&offer->has_client_bits, value);
	return note_bits(&offer->has_client_bits, &offer->client_bits, value);
}

static uint8_t
smaller(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* The window that a client may compress with. It is spoken of only if the
 * client did (7.1.2.2), and for a shared decompressor there is no reason to. */
static void
agree_on_client_bits(struct sh_ws_extension *ext, const struct offer *offer)
{
	uint8_t bits = offer->client_bits;

	ext->client_bits = SH_WS_WINDOW_BITS_MAX;
	if (!ext->client_takeover || !offer->has_client_bits)
		return;
	bits = bits == 0 ? SH_WS_OWN_WINDOW_BITS
			 : smaller(bits, SH_WS_OWN_WINDOW_BITS);
	ext->says_client_bits = true;
	ext->client_bits_said = bits;
	ext->client_bits =
	    bits < SH_WS_WINDOW_BITS_MIN ? SH_WS_WINDOW_BITS_MIN : bits;
}

/* False when it cannot be met: no zlib compressor keeps to 256 bytes. A window
 * that the client did not ask for is not spoken of, as a smaller one than it
 * thinks does no harm and not every client understands the answer. */
static bool
agree_on_server_bits(struct sh_ws_extension *ext, const struct offer *offer)
{
	ext->server_bits = ext->server_takeover ? SH_WS_OWN_WINDOW_BITS
						: SH_WS_WINDOW_BITS_MAX;
	if (!offer->has_server_bits)
		return true;
	ext->says_server_bits = true;
	ext->server_bits = smaller(ext->server_bits, offer->server_bits);
	return ext->server_bits >= SH_WS_WINDOW_BITS_MIN;
}

static void
consider(struct sh_ws_extension *ext, enum shoal_ws_compression mode,
    const struct offer *offer)
{
	bool takeover = mode == SHOAL_WS_COMPRESSION_TAKEOVER;
	struct sh_ws_extension agreed = {
		.deflates = true,
		.server_takeover = takeover && !offer->server_no_takeover,
		.client_takeover = takeover && !offer->client_no_takeover,
	};

	if (ext->deflates || mode == SHOAL_WS_COMPRESSION_OFF ||
	    offer->declined)
		return;
	agree_on_client_bits(&agreed, offer);
	if (agree_on_server_bits(&agreed, offer))
		*ext = agreed;
}

/* --- the field -------------------------------------------------------------- */

/* An extension with its parameters. */
static const char *
take_extension(struct cursor *cursor, struct sh_ws_extension *ext,
    enum shoal_ws_compression mode)
{
	struct text name, parameter, value;
	struct offer offer = { 0 };

	if (!take_token(cursor, &name))
		return "an extension has no name";
	while (take_byte(cursor, ';')) {
		if (!take_parameter(cursor, &parameter, &value))
			return "a parameter of an extension is malformed";
		if (!note_parameter(&offer, &parameter, &value))
			offer.declined = true;
	}
	if (cursor->len != 0 && cursor->at[0] != ',')
		return "something follows an extension that is no parameter";
	if (is_word(&name, "permessage-deflate"))
		consider(ext, mode, &offer);
	return NULL;
}

int
sh_ws_extension_take(struct sh_ws_extension *ext,
    enum shoal_ws_compression mode, const char *field, size_t len,
    const char **why_out)
{
	struct cursor cursor = { field, len };
	struct sh_ws_extension agreed = *ext;
	const char *why;

	/* Empty elements are those of RFC 9110, 5.6.1. A field with nothing else
	 * is what a proxy may leave that knows no extensions. */
	for (;;) {
		while (take_byte(&cursor, ','))
			continue;
		skip_blanks(&cursor);
		if (cursor.len == 0)
			break;
		why = take_extension(&cursor, &agreed, mode);
		if (why != NULL)
			return sh_http_refuse(why_out, 400, why);
	}
	*ext = agreed;
	return 0;
}

size_t
sh_ws_extension_write(
    const struct sh_ws_extension *ext, char text[SH_WS_EXTENSION_MAX])
{
	char server_bits[32] = "", client_bits[32] = "";
	int n;

	text[0] = '\0';
	if (!ext->deflates)
		return 0;
	if (ext->says_server_bits)
		snprintf(server_bits, sizeof(server_bits),
		    "; server_max_window_bits=%u", ext->server_bits);
	if (ext->says_client_bits)
		snprintf(client_bits, sizeof(client_bits),
		    "; client_max_window_bits=%u", ext->client_bits_said);
	n = snprintf(text, SH_WS_EXTENSION_MAX, "permessage-deflate%s%s%s%s",
	    ext->server_takeover ? "" : "; server_no_context_takeover",
	    ext->client_takeover ? "" : "; client_no_context_takeover",
	    server_bits, client_bits);
	sh_assert(n > 0 && n < SH_WS_EXTENSION_MAX);
	return (size_t)n;
}
