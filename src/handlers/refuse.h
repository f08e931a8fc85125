/* This file says no to an HTTP client, in words. */
#pragma once

struct shoal_request;

/** Answer with a status and a line that says why. */
void sh_refuse(struct shoal_request *req, int status, const char *why);
