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

/* Module code runs as the user that it will serve as, not as root. */
static bool
become_worker(const struct sh_plan *plan, struct sh_diagnostics *diags)
{
	struct sh_plan_identity identity = plan->identity;
	char why[256];

	/* modules are loaded by a path below /proc */
	identity.chroot[0] = '\0';
	if (!identity.change ||
	    sh_privileges_drop(&identity, why, sizeof(why)) == 0)
		return true;
	sh_diagnose(diags, NULL, "cannot become the workers' user: %s", why);
	return false;
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
	/* with a module missing its handlers would be reported as unknown */
	if (result->module_count != settings->module_count)
		return;
	if (result->plan != NULL && !become_worker(result->plan, diags))
		return;
	sh_check_load_modules(settings, result, diags);
	if (result->catalog.module_count == settings->module_count)
		sh_check_handlers(settings, &result->catalog, diags);
}

int
sh_check(const struct sh_check_input *input, const struct sh_plan *previous,
    struct sh_check_result *result, struct sh_diagnostics *diags)
{
	*result = (struct sh_check_result){ 0 };
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
