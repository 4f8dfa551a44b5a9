#include "controller/pages/pages.h"

int main(int argc, char **argv)
{
    return man_put_main(pages, argc, argv);
}
