/* This file is <shoal/response.h>, as far as files go. */
#include "config.h"

#include <shoal/response.h>

#include "session/http_request.h"

int
shoal_co_response_file(struct shoal_request *req, int fd,
    const struct shoal_file_options *options, int timeout_ms)
{
	static const struct shoal_file_options none = { .size = sizeof(none) };

	if (options == NULL)
		options = &none;
	if (options->size < sizeof(*options))
		return -SHOAL_EINVAL;
	return sh_answer_file(sh_request_of(req), fd, options, timeout_ms);
}
