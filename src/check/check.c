/* This file finds out whether a configuration can be served. */
#include "config.h"

#include "check/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "check/check_modules.h"
#include "check/check_plan.h"
#include "check/check_topics.h"
#include "proc/privileges.h"
#include "topic/keep.h"

/* Module code runs as the user that it will serve as, not as root, and sees the
 * files that it will see. */
static bool
become_worker(
    const struct sh_plan_identity *identity, struct sh_diagnostics *diags)
{
	char why[256];

	if (sh_privileges_drop(identity, why, sizeof(why)) == 0)
		return true;
	sh_diagnose(diags, NULL, "cannot become the workers' user: %s", why);
	return false;
}

/* In the order of a worker, see prologue() there: modules are loaded by a path below
 * /proc, which another root hides. Whether handlers can be asked. */
static bool
load_modules(const struct sh_settings *settings, struct sh_check_result *result,
    struct sh_diagnostics *diags)
{
	bool hides_proc = result->plan->identity.chroot[0] != '\0';

	if (hides_proc)
		sh_check_load_modules(settings, result, diags);
	if (!become_worker(&result->plan->identity, diags))
		return false;
	if (!hides_proc)
		sh_check_load_modules(settings, result, diags);
	sh_check_ask_modules(settings, &result->catalog, diags);
	return result->catalog.module_count == settings->module_count;
}

static void
check_settings(const struct sh_check_input *input,
    const struct sh_plan *previous, struct sh_check_result *result,
    struct sh_diagnostics *diags)
{
	const struct sh_settings *settings = sh_settings_doc_value(result->doc);

	if (previous != NULL)
		sh_settings_diff(
		    sh_plan_settings(previous), result->doc, diags);
	result->differences = diags->errors;
	sh_check_topics(settings, diags);
	sh_check_open_modules(settings, result, diags);
	result->plan = sh_check_make_plan(
	    input, result->doc, settings->module_count, diags);
	/* with a module missing its handlers would be reported as unknown; and
	 * none of their code runs as somebody else */
	if (result->module_count != settings->module_count ||
	    result->plan == NULL)
		return;
	if (load_modules(settings, result, diags))
		sh_check_handlers(settings, &result->catalog, diags);
}

int
sh_check(const struct sh_check_input *input, const struct sh_plan *previous,
    struct sh_check_result *result, struct sh_diagnostics *diags)
{
	*result = (struct sh_check_result){ 0 };
	sh_keep_clear();
	sh_catalog_init(&result->catalog, input->program);
	sh_catalog_make_current(&result->catalog);
	if (sh_settings_load(&input->source, &result->doc, diags) < 0)
		return -SHOAL_ECONFIG;
	check_settings(input, previous, result, diags);
	if (diags->errors == 0)
		return 0;
	free(result->plan);
	result->plan = NULL;
	return diags->errors == result->differences ? -SHOAL_ESTATE
						    : -SHOAL_ECONFIG;
}

void
sh_check_result_fini(struct sh_check_result *result)
{
	uint32_t i;

	for (i = 0; i < result->module_count; i++)
		close(result->module_fds[i]);
	free(result->module_fds);
	free(result->plan);
	sh_catalog_fini(&result->catalog);
	sh_settings_doc_free(&result->doc);
	*result = (struct sh_check_result){ 0 };
}
