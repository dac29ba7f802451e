var e=`##fileformat=VCFv4.3
##source=scripts/build_example.py
##reference=prnp_chr20.fa.gz
##contig=<ID=20,length=63025520,assembly=GRCh37>
##ALT=<ID=DEL,Description="Deletion">
##INFO=<ID=END,Number=1,Type=Integer,Description="Last deleted base, 1-based">
##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind of symbolic allele">
##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="Length of ALT minus length of REF, in bp">
##INFO=<ID=GENE,Number=1,Type=String,Description="Gene symbol">
##INFO=<ID=LABEL,Number=A,Type=String,Description="What is reported of carriers: high_penetrance, low_penetrance (or disputed), stop_gained, polymorphism, protective, uncertain (seen in patients, penetrance not established), repeat_indel (octapeptide repeats). For demonstration, not for clinical use">
##INFO=<ID=CLASS,Number=A,Type=String,Description="Consequence on the protein">
##INFO=<ID=HGVSC,Number=A,Type=String,Description="Coding change, NM_000311.5">
##INFO=<ID=HGVSP,Number=A,Type=String,Description="Amino-acid change, one-letter">
##INFO=<ID=SOURCE,Number=A,Type=String,Description="An early report, first author and year">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
20	4680025	.	C	<DEL>	.	.	GENE=PRNP;END=4680073;SVTYPE=DEL;SVLEN=-48;LABEL=repeat_indel;CLASS=inframe_deletion;HGVSC=c.180_227del;HGVSP=p.P76_Q91del;SOURCE=Beck_2001
20	4680025	.	C	CGGTGGTGGCTGGGGGCAGCCTCAT	.	.	GENE=PRNP;LABEL=repeat_indel;CLASS=inframe_insertion;HGVSC=c.204_227dup;HGVSP=p.P84_Q91dup;SOURCE=Laplanche_1995
20	4680025	.	CGGTGGTGGCTGGGGGCAGCCTCAT	C	.	.	GENE=PRNP;LABEL=repeat_indel;CLASS=inframe_deletion;HGVSC=c.204_227del;HGVSP=p.P84_Q91del;SOURCE=Palmer_1993
20	4680026	.	G	A	.	.	GENE=PRNP;LABEL=polymorphism;CLASS=missense;HGVSC=c.160G>A;HGVSP=p.G54S;SOURCE=Beck_2010
20	4680116	.	C	T	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.250C>T;HGVSP=p.P84S;SOURCE=Jones_2014
20	4680156	.	G	A	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.290G>A;HGVSP=p.S97N;SOURCE=Zheng_2008
20	4680171	rs74315401	C	T	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.305C>T;HGVSP=p.P102L;SOURCE=Hsiao_1989
20	4680179	.	C	A,T	.	.	GENE=PRNP;LABEL=uncertain,uncertain;CLASS=missense,missense;HGVSC=c.313C>A,c.313C>T;HGVSP=p.P105T,p.P105S;SOURCE=Rogaeva_2006,Tunnell_2008
20	4680180	rs11538758	C	T	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.314C>T;HGVSP=p.P105L;SOURCE=Kitamoto_1993
20	4680207	.	G	T	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.341G>T;HGVSP=p.G114V;SOURCE=Rodriguez_2005
20	4680216	rs74315402	C	T	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.350C>T;HGVSP=p.A117V;SOURCE=Doh-ura_1989
20	4680217	rs8124214	A	G	.	.	GENE=PRNP;LABEL=polymorphism;CLASS=synonymous;HGVSC=c.351A>G;HGVSP=p.A117A;SOURCE=dbSNP
20	4680246	.	G	T	.	.	GENE=PRNP;LABEL=protective;CLASS=missense;HGVSC=c.380G>T;HGVSP=p.G127V;SOURCE=Mead_2009
20	4680251	rs1799990	A	G	.	.	GENE=PRNP;LABEL=polymorphism;CLASS=missense;HGVSC=c.385A>G;HGVSP=p.M129V;SOURCE=Owen_1990
20	4680258	rs74315410	G	T	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.392G>T;HGVSP=p.G131V;SOURCE=Panegyres_2001
20	4680264	rs74315415	C	T	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.398C>T;HGVSP=p.A133V;SOURCE=Rowe_2007
20	4680290	.	G	A	.	.	GENE=PRNP;LABEL=polymorphism;CLASS=missense;HGVSC=c.424G>A;HGVSP=p.G142S;SOURCE=Beck_2010
20	4680301	.	T	G	.	.	GENE=PRNP;LABEL=stop_gained;CLASS=stop_gained;HGVSC=c.435T>G;HGVSP=p.Y145*;SOURCE=Kitamoto_1993
20	4680309	.	G	A	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.443G>A;HGVSP=p.R148H;SOURCE=Pastore_2005
20	4680344	.	C	T	.	.	GENE=PRNP;LABEL=stop_gained;CLASS=stop_gained;HGVSC=c.478C>T;HGVSP=p.Q160*;SOURCE=Finckh_2000
20	4680355	.	C	G	.	.	GENE=PRNP;LABEL=stop_gained;CLASS=stop_gained;HGVSC=c.489C>G;HGVSP=p.Y163*;SOURCE=Mead_2013
20	4680365	.	G	A	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.499G>A;HGVSP=p.D167N;SOURCE=Beck_2010
20	4680366	.	A	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.500A>G;HGVSP=p.D167G;SOURCE=Bishop_2009
20	4680378	.	A	G	.	.	GENE=PRNP;LABEL=polymorphism;CLASS=missense;HGVSC=c.512A>G;HGVSP=p.N171S;SOURCE=Samaia_1997
20	4680393	.	T	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.527T>G;HGVSP=p.V176G;SOURCE=Simpson_2013
20	4680398	rs74315403	G	A	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.532G>A;HGVSP=p.D178N;SOURCE=Goldfarb_1991
20	4680404	rs74315408	G	A	.	.	GENE=PRNP;LABEL=low_penetrance;CLASS=missense;HGVSC=c.538G>A;HGVSP=p.V180I;SOURCE=Kitamoto_1993
20	4680413	rs74315411	A	G	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.547A>G;HGVSP=p.T183A;SOURCE=Nitrini_1997
20	4680426	.	A	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.560A>G;HGVSP=p.H187R;SOURCE=Cervenakova_1999
20	4680428	.	A	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.562A>G;HGVSP=p.T188A;SOURCE=Collins_2000
20	4680429	.	C	A,G	.	.	GENE=PRNP;LABEL=uncertain,uncertain;CLASS=missense,missense;HGVSC=c.563C>A,c.563C>G;HGVSP=p.T188K,p.T188R;SOURCE=Finckh_2000,Windl_1999
20	4680444	.	C	T	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.578C>T;HGVSP=p.T193I;SOURCE=Kotta_2006
20	4680452	.	G	A	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.586G>A;HGVSP=p.E196K;SOURCE=Peoch_2000
20	4680453	.	A	C	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.587A>C;HGVSP=p.E196A;SOURCE=Zhang_2014
20	4680458	rs55871421	T	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.592T>G;HGVSP=p.F198V;SOURCE=Zheng_2008
20	4680459	rs74315405	T	C	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.593T>C;HGVSP=p.F198S;SOURCE=Dlouhy_1992
20	4680464	rs28933385	G	A	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.598G>A;HGVSP=p.E200K;SOURCE=Goldgaber_1989
20	4680465	.	A	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.599A>G;HGVSP=p.E200G;SOURCE=Kim_2013
20	4680470	.	G	A	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.604G>A;HGVSP=p.D202N;SOURCE=Piccardo_1998
20	4680471	.	A	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.605A>G;HGVSP=p.D202G;SOURCE=Heinemann_2008
20	4680473	.	G	A	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.607G>A;HGVSP=p.V203I;SOURCE=Peoch_2000
20	4680489	rs74315412	G	A	.	.	GENE=PRNP;LABEL=low_penetrance;CLASS=missense;HGVSC=c.623G>A;HGVSP=p.R208H;SOURCE=Mastrianni_1996
20	4680494	rs74315407	G	A	.	.	GENE=PRNP;LABEL=low_penetrance;CLASS=missense;HGVSC=c.628G>A;HGVSP=p.V210I;SOURCE=Pocchiari_1993
20	4680497	.	G	C	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.631G>C;HGVSP=p.E211Q;SOURCE=Peoch_2000
20	4680501	.	A	C	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.635A>C;HGVSP=p.Q212P;SOURCE=Piccardo_1998
20	4680509	.	A	G	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.643A>G;HGVSP=p.I215V;SOURCE=Munoz-Nieto_2013
20	4680516	rs74315406	A	G	.	.	GENE=PRNP;LABEL=high_penetrance;CLASS=missense;HGVSC=c.650A>G;HGVSP=p.Q217R;SOURCE=Hsiao_1992
20	4680521	rs1800014	G	A	.	.	GENE=PRNP;LABEL=polymorphism;CLASS=missense;HGVSC=c.655G>A;HGVSP=p.E219K;SOURCE=Kitamoto_1994
20	4680545	.	C	T	.	.	GENE=PRNP;LABEL=stop_gained;CLASS=stop_gained;HGVSC=c.679C>T;HGVSP=p.Q227*;SOURCE=Jansen_2010
20	4680561	rs74315409	T	G,C	.	.	GENE=PRNP;LABEL=low_penetrance,uncertain;CLASS=missense,missense;HGVSC=c.695T>G,c.695T>C;HGVSP=p.M232R,p.M232T;SOURCE=Kitamoto_1993,Bratosiewicz_2000
20	4680578	.	C	T	.	.	GENE=PRNP;LABEL=uncertain;CLASS=missense;HGVSC=c.712C>T;HGVSP=p.P238S;SOURCE=Windl_1999
`;export{e as default};