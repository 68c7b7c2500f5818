/* KEYTOP_ACCOUNTS (500) accounts through roles, for KEYTOP_SECONDS (300). */
#include "tests/support/accounts.h"
#include "tests/support/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void many_accounts_cost_little(void **state)
{
    (void)state;
    accounts_prove((size_t)run_number("KEYTOP_ACCOUNTS", 500), (int)run_number("KEYTOP_SECONDS", 300));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_accounts_cost_little)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
