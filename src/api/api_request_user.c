/* This file is who a request is from, of <shoal/request.h>. */
#include "config.h"

#include <string.h>

#include <shoal/request.h>

#include "session/http_request.h"

enum { ALL_RIGHTS = SHOAL_MAY_SUBSCRIBE | SHOAL_MAY_PUBLISH };

struct grant {
	char *user; /* NULL: not known */
	unsigned rights;
};

static const char grant_key; /* its address */

int
shoal_request_grant(
    struct shoal_request *req, const char *user, unsigned rights)
{
	struct grant *grant;
	char *copy = NULL;
	bool is_new;

	(void)sh_request_of(req);
	if ((rights & ~(unsigned)ALL_RIGHTS) != 0)
		return -SHOAL_EINVAL;
	if (user != NULL) {
		copy = sh_request_alloc(req, strlen(user) + 1);
		if (copy == NULL)
			return -SHOAL_ENOMEM;
		strcpy(copy, user);
	}
	grant = sh_request_alloc_once(req, &grant_key, sizeof(*grant), &is_new);
	if (grant == NULL)
		return -SHOAL_ENOMEM;
	*grant = (struct grant){ .user = copy, .rights = rights };
	return 0;
}

const char *
shoal_request_user(const struct shoal_request *req)
{
	const struct grant *grant =
	    sh_request_remembered(sh_request_of(req), &grant_key);

	return grant != NULL ? grant->user : NULL;
}

unsigned
shoal_request_rights(const struct shoal_request *req)
{
	const struct grant *grant =
	    sh_request_remembered(sh_request_of(req), &grant_key);

	return grant != NULL ? grant->rights : ALL_RIGHTS;
}
