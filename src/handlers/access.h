/*
 * This file decides what a client may do with topics: by a token that it shows, or
 * by a handler that is asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <shoal/request.h>
#include <shoal/settings.h>

struct shoal_delegate;

/* Who may do what. A token that is NULL is not needed. */
struct sh_access {
	char *subscribe_token;            /* owned */
	char *publish_token;              /* owned; good for subscribing, too */
	struct shoal_delegate *authorize; /* decides instead, or NULL */
};

/** Check the settings NAME and NAME_file of a token, of which one may be set, and
 *  that the file has one. 0, or negative with the reason in why. */
int sh_token_check(const struct shoal_settings *settings, const char *name,
    char *why, size_t cap);
/** Whether one of them is set. */
bool sh_token_is_set(const struct shoal_settings *settings, const char *name);
/** Read a token from the settings or from its file. *out is NULL when none is
 *  set, else the caller's, free(3). 0; a negative error, of which the log tells. */
int sh_token_read(
    const struct shoal_settings *settings, const char *name, char **out);
/** Check `authorize'; beside says whether tokens are set, which cannot be. */
int sh_authorize_check(
    const struct shoal_settings *settings, bool beside, char *why, size_t cap);
/** Open the handler of `authorize', if it is set. 0 or negative. */
int sh_authorize_open(
    const struct shoal_settings *settings, struct sh_access *access);
/** Free what it holds. */
void sh_access_fini(struct sh_access *access);
/**
 * What the client of a request may do, at least what is needed: SHOAL_MAY_SUBSCRIBE,
 * SHOAL_MAY_PUBLISH. 0: it may not, and has been answered.
 */
unsigned sh_access_judge(
    const struct sh_access *access, struct shoal_request *req, unsigned needed);
