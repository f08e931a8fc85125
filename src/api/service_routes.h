/* This file makes the routes of a service of those that code has given. */
#pragma once

#include <stddef.h>
#include <shoal/route.h>

struct sh_route_copies;
struct sh_routes;

/** Copy routes, and build their table, which lends what is in *out. 0;
 *  -SHOAL_EINVAL for one that makes no sense; -SHOAL_ENOMEM. */
int sh_route_copies_new(const struct shoal_route *routes, size_t count,
    struct sh_route_copies **out, struct sh_routes **table_out);
/** Free the copies, when nobody has the table any more. */
void sh_route_copies_free(struct sh_route_copies **copies);
