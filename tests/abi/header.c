/* Compiled as C99 and as C++11 with every warning an error: the header, all its initializers, and a call. */
#include "tumorclass/tumorclass.h"

int main(void)
{
    const tumorclass_image_options image = TUMORCLASS_IMAGE_OPTIONS_INIT;
    const tumorclass_model_options model = TUMORCLASS_MODEL_OPTIONS_INIT;
    const tumorclass_session_options session = TUMORCLASS_SESSION_OPTIONS_INIT;
    const tumorclass_scan_options scan = TUMORCLASS_SCAN_OPTIONS_INIT;
    const tumorclass_attention_options attention = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    const int sizes = image.struct_size == sizeof image && model.struct_size == sizeof model &&
                      session.struct_size == sizeof session && scan.struct_size == sizeof scan &&
                      attention.struct_size == sizeof attention;
    return sizes && tumorclass_version_number() == TUMORCLASS_VERSION_NUMBER ? 0 : 1;
}
