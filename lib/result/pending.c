/* Until confidence.c is there: delete this file with it. */
#include "result/result.h"

void result_judge(tumorclass_result *result)
{
    (void)result;
}
