import vcf from "../../../src/cistron/resources/example/prnp.vcf?raw";

/** The bundled variants of PRNP, on GRCh37. */
export default vcf;
