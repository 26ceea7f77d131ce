#include "Leasehold/TestRunner.h"

int main(int argc, char** argv)
{
    return Leasehold::runTests(argc, argv);
}
