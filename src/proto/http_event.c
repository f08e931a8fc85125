/* This file writes server-sent events. */
#include "config.h"

#include "proto/http_event.h"

#include <string.h>

#include <shoal/error.h>

#include "base/buf.h"

static int
add_field(struct sh_buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return 0;
	/* it would be another field */
	if (value[strcspn(value, "\r\n")] != '\0')
		return -SHOAL_EINVAL;
	return sh_buf_printf(out, "%s: %s\n", name, value);
}

/* Every line is a field of its own; the peer joins them with LF. CR LF is one
 * line end, as for the peer. */
static int
add_lines(struct sh_buf *out, const char *data)
{
	int r = 0;

	for (; r == 0; data++) {
		size_t len = strcspn(data, "\r\n");

		sh_buf_puts(out, "data: ");
		sh_buf_add(out, data, len);
		r = sh_buf_puts(out, "\n");
		data += len;
		if (data[0] == '\r' && data[1] == '\n')
			data++;
		if (*data == '\0')
			break;
	}
	return r;
}

int
sh_http_event_format(const struct shoal_event *event, struct sh_buf *out)
{
	int r;

	if (event->size < sizeof(*event) || event->retry_ms < 0)
		return -SHOAL_EINVAL;
	r = add_field(out, "event", event->type);
	if (r == 0)
		r = add_field(out, "id", event->id);
	if (r == 0 && event->retry_ms > 0)
		r = sh_buf_printf(out, "retry: %d\n", event->retry_ms);
	if (r == 0 && event->data != NULL)
		r = add_lines(out, event->data);
	if (r == 0)
		r = sh_buf_puts(out, "\n");
	return out->failed ? -SHOAL_ENOMEM : r;
}
