/* This file is how public functions find the topics of their process. */
#pragma once

struct sh_topics;

/** Those of this process, made when there are none. 0; -SHOAL_ESTATE outside of a
 *  worker and shoal_run(); -SHOAL_ENOMEM. */
int sh_topics_now(struct sh_topics **out);
