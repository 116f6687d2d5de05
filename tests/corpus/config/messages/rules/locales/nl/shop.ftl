hello = Dag { $name }
bye = Dag
