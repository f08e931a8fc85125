/* This file is the grammar of the head of an HTTP/1 answer. */
#include "config.h"

#include "proto/http_answer.h"

#include <string.h>

#include "base/attr.h"
#include "proto/http_chars.h"

struct reason {
	int status;
	const char *text;
};

/* The registry of RFC 9110 16.2.1 as far as servers of this kind use it. */
static const struct reason reasons[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 103, "Early Hints" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 208, "Already Reported" },
	{ 226, "IM Used" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 305, "Use Proxy" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 418, "I'm a teapot" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 423, "Locked" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 506, "Variant Also Negotiates" },
	{ 507, "Insufficient Storage" },
	{ 508, "Loop Detected" },
	{ 511, "Network Authentication Required" },
};

const char *
sh_http_reason(int status)
{
	size_t i;

	if (SH_LIKELY(status == 200))
		return "OK";
	for (i = 0; i < SH_ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

bool
sh_http_is_reason(const char *text)
{
	size_t len = strlen(text);

	return len <= SH_HTTP_REASON_MAX &&
	    sh_http_span(SH_HTTP_VALUE, text, len) == len;
}

bool
sh_http_is_name(const char *name, size_t len)
{
	return len != 0 && sh_http_span(SH_HTTP_TOKEN, name, len) == len;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
sh_http_same_name(const char *a, const char *b, size_t len)
{
	size_t i;

	/* most are written as they always are */
	if (memcmp(a, b, len) == 0)
		return true;
	for (i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool
sh_http_has_body(int status)
{
	return status >= 200 && status != 204 && status != 205 && status != 304;
}

size_t
sh_http_status_line(
    char out[SH_HTTP_STATUS_LINE_MAX], int status, const char *reason)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n";
	size_t len;

	if (SH_LIKELY(status == 200 && reason == NULL)) {
		memcpy(out, ok, sizeof(ok) - 1);
		return sizeof(ok) - 1;
	}
	if (reason == NULL)
		reason = sh_http_reason(status);
	len = strlen(reason);
	memcpy(out, "HTTP/1.1 ", 9);
	out[9] = (char)('0' + status / 100);
	out[10] = (char)('0' + status / 10 % 10);
	out[11] = (char)('0' + status % 10);
	out[12] = ' ';
	memcpy(out + 13, reason, len);
	memcpy(out + 13 + len, "\r\n", 2);
	return 13 + len + 2;
}

size_t
sh_http_decimal(char out[SH_HTTP_DECIMAL_MAX], uint64_t n)
{
	size_t len = 1, i;
	uint64_t rest;

	for (rest = n; rest >= 10; rest /= 10)
		len++;
	for (i = len; i > 0; n /= 10)
		out[--i] = (char)('0' + n % 10);
	return len;
}

bool
sh_http_number(const char *text, uint64_t *n_out)
{
	uint64_t n = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (n > (INT64_MAX - (uint64_t)(*text - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*n_out = n;
	return true;
}

size_t
sh_http_chunk_head(char out[SH_HTTP_CHUNK_HEAD_MAX], size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char digits[SH_HTTP_CHUNK_HEAD_MAX];
	size_t i = sizeof(digits), n;

	do {
		digits[--i] = hex[len & 0xf];
		len >>= 4;
	} while (len != 0);
	n = sizeof(digits) - i;
	memcpy(out, digits + i, n);
	out[n++] = '\r';
	out[n++] = '\n';
	return n;
}
