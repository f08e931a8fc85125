/*
 * This file writes Set-Cookie and reads Cookie. It keeps no cookies. RFC 6265
 * 4.1, RFC 6265bis 4.1 and 5.
 */
#include "config.h"

#include "proto/http_cookie.h"

#include <inttypes.h>
#include <string.h>

#include <shoal/error.h>

#include "base/buf.h"
#include "proto/http_chars.h"
#include "proto/http_date.h"

/* What browsers keep of one, RFC 6265bis 5.6. */
enum { PAIR_MAX = 4096, ATTRIBUTE_MAX = 1024 };

/* cookie-octet: no controls, spaces, quotes, commas, semicolons, backslashes */
static bool
is_octet(char c)
{
	return c > ' ' && c < 127 && c != '"' && c != ',' && c != ';' &&
	    c != '\\';
}

/* Whether it may be sent as it is; it may have quotes around it. */
static bool
is_raw_value(const char *value, size_t len)
{
	size_t i;

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	for (i = 0; i < len; i++)
		if (!is_octet(value[i]))
			return false;
	return true;
}

static bool
is_path(const char *path)
{
	size_t i;

	if (path[0] != '/')
		return false;
	for (i = 0; path[i] != '\0'; i++)
		if (path[i] < ' ' || path[i] > '~' || path[i] == ';')
			return false;
	return i <= ATTRIBUTE_MAX;
}

static bool
is_domain(const char *domain)
{
	size_t i;

	for (i = 0; domain[i] != '\0'; i++) {
		char c = domain[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return i > 0 && i <= ATTRIBUTE_MAX;
}

static bool
has_prefix(const char *name, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	/* browsers compare without case */
	return len >= n && sh_http_equal(name, n, prefix);
}

/* What the browser would drop without a word is refused here. */
static bool
is_kept(const struct shoal_cookie *cookie, size_t name_len)
{
	bool hosts = has_prefix(cookie->name, name_len, "__host-");

	if (!cookie->secure &&
	    (hosts || has_prefix(cookie->name, name_len, "__secure-") ||
		cookie->same_site == SHOAL_SAME_SITE_NONE ||
		cookie->partitioned))
		return false;
	return !hosts ||
	    (cookie->domain == NULL && cookie->path != NULL &&
		strcmp(cookie->path, "/") == 0);
}

static bool
is_valid(const struct shoal_cookie *cookie)
{
	size_t len = cookie->name != NULL ? strlen(cookie->name) : 0;

	return len > 0 &&
	    sh_http_span(SH_HTTP_TOKEN, cookie->name, len) == len &&
	    (cookie->path == NULL || is_path(cookie->path)) &&
	    (cookie->domain == NULL || is_domain(cookie->domain)) &&
	    cookie->max_age >= SHOAL_COOKIE_DELETE &&
	    cookie->same_site <= SHOAL_SAME_SITE_NONE &&
	    cookie->priority <= SHOAL_COOKIE_PRIORITY_HIGH &&
	    is_kept(cookie, len);
}

/* Bytes that a value takes, encoded unless it is raw. */
static size_t
count_value(const char *value, size_t len, bool raw)
{
	size_t i, n = len;

	for (i = 0; i < len && !raw; i++)
		if (!is_octet(value[i]) || value[i] == '%')
			n += 2;
	return n;
}

static void
add_value(struct sh_buf *out, const char *value, size_t len, bool raw)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	if (raw) {
		sh_buf_add(out, value, len);
		return;
	}
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		char code[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_octet(value[i]) && c != '%')
			sh_buf_add(out, &value[i], 1);
		else
			sh_buf_add(out, code, sizeof(code));
	}
}

static void
add_end(struct sh_buf *out, const struct shoal_cookie *cookie, const char *date)
{
	/* browsers that do not know Max-Age go by the date */
	if (date[0] != '\0')
		sh_buf_printf(out, "; Expires=%s", date);
	if (cookie->max_age == SHOAL_COOKIE_DELETE)
		sh_buf_puts(out, "; Max-Age=0");
	else if (cookie->max_age != SHOAL_COOKIE_SESSION)
		sh_buf_printf(out, "; Max-Age=%" PRId64, cookie->max_age);
}

static void
add_attributes(
    struct sh_buf *out, const struct shoal_cookie *cookie, const char *date)
{
	static const char *const sites[] = { "", "; SameSite=Lax",
		"; SameSite=Strict", "; SameSite=None" };
	static const char *const priorities[] = { "", "; Priority=Low",
		"; Priority=Medium", "; Priority=High" };

	add_end(out, cookie, date);
	if (cookie->domain != NULL)
		sh_buf_printf(out, "; Domain=%s", cookie->domain);
	if (cookie->path != NULL)
		sh_buf_printf(out, "; Path=%s", cookie->path);
	if (cookie->secure)
		sh_buf_puts(out, "; Secure");
	if (cookie->http_only)
		sh_buf_puts(out, "; HttpOnly");
	sh_buf_puts(out, sites[cookie->same_site]);
	if (cookie->partitioned)
		sh_buf_puts(out, "; Partitioned");
	sh_buf_puts(out, priorities[cookie->priority]);
}

int
sh_http_cookie_format(const struct shoal_cookie *cookie, struct sh_buf *out)
{
	const char *value = cookie->value != NULL ? cookie->value : "";
	size_t len = strlen(value);
	char date[SH_HTTP_DATE_SIZE] = "";
	/* one that is to be forgotten has ended long ago */
	int64_t expires =
	    cookie->expires == 0 && cookie->max_age == SHOAL_COOKIE_DELETE
	    ? 1
	    : cookie->expires;

	if (!is_valid(cookie) || (cookie->raw && !is_raw_value(value, len)) ||
	    strlen(cookie->name) + count_value(value, len, cookie->raw) >
		PAIR_MAX)
		return -SHOAL_EINVAL;
	if (expires != 0 && sh_http_date_format(expires, date) < 0)
		return -SHOAL_EINVAL;
	sh_buf_printf(out, "%s=", cookie->name);
	add_value(out, value, len, cookie->raw);
	add_attributes(out, cookie, date);
	return out->failed ? -SHOAL_ENOMEM : 0;
}

static bool
cut_pair(const char *pair, size_t len, const char *name, const char **value_out,
    size_t *value_len_out)
{
	const char *equals = memchr(pair, '=', len), *value;
	size_t name_len, n;

	if (equals == NULL)
		return false;
	value = equals + 1;
	name_len = (size_t)(equals - pair);
	n = len - name_len - 1;
	sh_http_trim(&pair, &name_len);
	if (name_len != strlen(name) || memcmp(pair, name, name_len) != 0)
		return false;
	sh_http_trim(&value, &n);
	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value++;
		n -= 2;
	}
	*value_out = value;
	*value_len_out = n;
	return true;
}

bool
sh_http_cookie_find(const char *list, size_t list_len, const char *name,
    const char **value_out, size_t *value_len_out)
{
	while (list_len > 0) {
		const char *end = memchr(list, ';', list_len);
		size_t n = end != NULL ? (size_t)(end - list) : list_len;
		size_t used = end != NULL ? n + 1 : n;

		if (cut_pair(list, n, name, value_out, value_len_out))
			return true;
		list += used;
		list_len -= used;
	}
	return false;
}

size_t
sh_http_cookie_decode(char *out, const char *text, size_t len)
{
	size_t i = 0, n = 0;

	while (i < len) {
		int high = -1, low = -1;

		if (text[i] == '%' && len - i > 2) {
			high = sh_hex_value(text[i + 1]);
			low = sh_hex_value(text[i + 2]);
		}
		if (high < 0 || low < 0 || (high | low) == 0) {
			out[n++] = text[i++];
			continue;
		}
		out[n++] = (char)(high << 4 | low);
		i += 3;
	}
	return n;
}
