/* This file formats the texts of messages. */
#include "config.h"

#include "api/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

int
sh_format_text(char *room, char **text_out, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(room, SH_FORMAT_SHORT, format, args);
	*text_out = room;
	if (len < 0)
		len = -SHOAL_EINVAL;
	else if (len > SH_FORMAT_MAX)
		len = -SHOAL_EMSGSIZE;
	if (len >= SH_FORMAT_SHORT) {
		*text_out = malloc((size_t)len + 1);
		if (*text_out != NULL)
			vsnprintf(*text_out, (size_t)len + 1, format, again);
		else
			len = -SHOAL_ENOMEM;
	}
	va_end(again);
	return len;
}

/* Apart, so that a coroutine that waits does not keep the room on its stack. */
__attribute__((noinline)) char *
sh_format_copy(int *len_out, const char *format, va_list args)
{
	char room[SH_FORMAT_SHORT], *text;

	*len_out = sh_format_text(room, &text, format, args);
	if (*len_out < 0 || text != room)
		return text != room ? text : NULL;
	text = strdup(room);
	if (text == NULL)
		*len_out = -SHOAL_ENOMEM;
	return text;
}
